#include "services/learner/loop/step_header.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"

namespace convrec::learner {

std::string Encode(const Header& header) {
  return absl::StrCat(static_cast<int32_t>(header.kind),
                      "|",
                      header.step,
                      "|",
                      static_cast<int>(header.stop),
                      "|",
                      static_cast<int>(header.save),
                      "|",
                      header.share);
}

Header DecodeHeader(const std::string& bytes) {
  const std::vector<std::string> fields = absl::StrSplit(bytes, absl::MaxSplits('|', 4));
  CR_CHECK(fields.size() == 5);
  Header header;
  int32_t kind = 0;
  CR_CHECK(absl::SimpleAtoi(fields[0], &kind) && kind >= 0 &&
           kind <= static_cast<int32_t>(Header::Kind::kEvaluation));
  header.kind = static_cast<Header::Kind>(kind);
  CR_CHECK(absl::SimpleAtoi(fields[1], &header.step));
  header.stop = fields[2] == "1";
  header.save = fields[3] == "1";
  header.share = fields[4];
  return header;
}

std::string PlaceOf(const Header& header) {
  switch (header.kind) {
    case Header::Kind::kSftStep:
      return absl::StrCat("step ", header.step, " of supervised fine-tuning");
    case Header::Kind::kPolicyStep:
      return absl::StrCat("step ", header.step, " of reinforcement learning");
    case Header::Kind::kEvaluation:
      return absl::StrCat("the evaluation after step ", header.step);
  }
  CR_CHECK(false, "a header of no kind");
}

}  // namespace convrec::learner
