// Checks on the fields of a message, with uniform wording. Internal to this folder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace convrec::wire {

// "top_k is -1: expected an integer >= 0".
template <typename Value>
absl::Status FieldError(const std::string& field, const Value& value, const std::string& expected) {
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, ": expected ", expected));
}

// Prefixes a field error with "rollouts[3].".
inline absl::Status Inside(const std::string& field, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(field, ".", std::string(status.message())));
}

inline std::string At(const std::string& field, int index) {
  return absl::StrCat(field, "[", index, "]");
}

}  // namespace convrec::wire
