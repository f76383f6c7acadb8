#include "libs/jinja/position.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"

namespace convrec::jinja {
namespace {

constexpr char kIsLocated[] = "convrec.jinja.is_located";

}  // namespace

std::string Position::ToString() const { return absl::StrCat("line ", line, ", column ", column); }

absl::Status ErrorAt(Position position, const std::string& message) {
  return Locate(position, absl::InvalidArgumentError(message));
}

absl::Status Locate(Position position, const absl::Status& status) {
  if (status.ok() || status.GetPayload(kIsLocated)) return status;
  absl::Status located = base::Annotate(status, position.ToString());
  located.SetPayload(kIsLocated, absl::Cord());
  return located;
}

}  // namespace convrec::jinja
