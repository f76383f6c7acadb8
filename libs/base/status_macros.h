// Early return on absl::Status and absl::StatusOr.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define CR_RETURN_IF_ERROR(expr)                                               \
  do {                                                                         \
    if (absl::Status cr_status_ = (expr); !cr_status_.ok()) return cr_status_; \
  } while (false)

#define CR_STATUS_CONCAT_INNER(a, b) a##b
#define CR_STATUS_CONCAT(a, b) CR_STATUS_CONCAT_INNER(a, b)

// CR_ASSIGN_OR_RETURN(auto value, Make()); declares or assigns `value`, or returns the error.
#define CR_ASSIGN_OR_RETURN(lhs, expr) \
  CR_ASSIGN_OR_RETURN_IMPL(CR_STATUS_CONCAT(cr_status_or_, __LINE__), lhs, expr)
#define CR_ASSIGN_OR_RETURN_IMPL(var, lhs, expr) \
  auto var = (expr);                             \
  if (!var.ok()) return var.status();            \
  lhs = std::move(var).value()
