#include "libs/jinja/runtime.h"

#include "absl/strings/str_cat.h"

namespace convrec::jinja {

absl::Status Runtime::CheckStep() {
  if (depth_ > meter_.limits().max_depth) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the evaluation is nested deeper than ", meter_.limits().max_depth, " levels"));
  }
  return meter_.Work();
}

}  // namespace convrec::jinja
