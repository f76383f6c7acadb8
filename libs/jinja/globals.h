// The functions that every template can call: range, dict, namespace, cycler, joiner, and those of
// transformers, raise_exception and strftime_now.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

bool IsGlobalName(std::string_view name);
// Undefined for other names.
absl::StatusOr<Value> MakeGlobal(Runtime* runtime, std::string_view name);

}  // namespace convrec::jinja
