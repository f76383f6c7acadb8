#include "services/learner/run/rank_start.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

TEST(RankStartTest, ComesBackAsItWas) {
  const RankStart start{.state = {.in_rl = true, .sft_step = 40, .rl_step = 7},
                        .is_resumed = true,
                        .num_canaries = 2};
  const RankStart back = DecodeRankStart(Encode(start));
  EXPECT_TRUE(back.state.in_rl);
  EXPECT_EQ(back.state.sft_step, 40);
  EXPECT_EQ(back.state.rl_step, 7);
  EXPECT_TRUE(back.is_resumed);
  EXPECT_EQ(back.num_canaries, 2);
  EXPECT_FALSE(DecodeRankStart(Encode(RankStart())).is_resumed);
}

}  // namespace
}  // namespace convrec::learner
