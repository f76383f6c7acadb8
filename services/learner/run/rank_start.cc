#include "services/learner/run/rank_start.h"

#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"

namespace convrec::learner {

std::string Encode(const RankStart& start) {
  return absl::StrCat(static_cast<int>(start.state.in_rl),
                      "|",
                      start.state.sft_step,
                      "|",
                      start.state.rl_step,
                      "|",
                      static_cast<int>(start.is_resumed),
                      "|",
                      start.num_canaries);
}

RankStart DecodeRankStart(const std::string& bytes) {
  const std::vector<std::string> fields = absl::StrSplit(bytes, '|');
  std::array<int64_t, 5> numbers{};
  CR_CHECK(fields.size() == numbers.size(), bytes);
  for (size_t i = 0; i < numbers.size(); ++i) CR_CHECK(absl::SimpleAtoi(fields[i], &numbers[i]));
  return {.state = {.in_rl = numbers[0] != 0,
                    .sft_step = numbers[1],
                    .rl_step = numbers[2],
                    .base_digest = {},
                    .ledger = {}},
          .is_resumed = numbers[3] != 0,
          .num_canaries = static_cast<int>(numbers[4])};
}

}  // namespace convrec::learner
