#include "services/learner/run/group_link.h"

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"

namespace convrec::learner {
namespace {

constexpr char kWhat[] = "a header";

}  // namespace

Header GroupLink::FromLeader(const Header& header) {
  const bool is_step = header.kind != Header::Kind::kEvaluation;
  if (group_.is_leader()) {
    if (is_step) group_.SetStep(header.step);
    group_.FromLeader(Encode(header), kWhat);
    return header;
  }
  const Header heard = DecodeHeader(group_.FromLeader("", kWhat));
  if (heard.kind != header.kind || heard.step != header.step) {
    group_.Fail(
        absl::StrCat(
            "rank 0 is at ", PlaceOf(heard), ", rank ", group_.rank(), " at ", PlaceOf(header)),
        base::kExitBug);
  }
  if (is_step) group_.SetStep(header.step);
  return heard;
}

}  // namespace convrec::learner
