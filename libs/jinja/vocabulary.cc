#include "libs/jinja/vocabulary.h"

#include "absl/strings/str_cat.h"
#include "libs/jinja/globals.h"
#include "libs/jinja/methods.h"

namespace convrec::jinja {

absl::Status Vocabulary::Check() const {
  for (const Use& use : functions_) {
    // `loop` of a recursive loop and `caller` of a macro are called too.
    const bool is_known = IsGlobalName(use.name) || assigned_.count(use.name) > 0 ||
                          use.name == "loop" || use.name == "caller";
    if (!is_known) {
      return ErrorAt(use.position, absl::StrCat("the function '", use.name, "' is not known"));
    }
  }
  for (const Use& use : methods_) {
    if (!IsMethodName(use.name) && assigned_.count(use.name) == 0) {
      return ErrorAt(use.position, absl::StrCat("the method '", use.name, "' is not known"));
    }
  }
  return absl::OkStatus();
}

}  // namespace convrec::jinja
