#include "services/learner/loop/run_state.h"

#include <gtest/gtest.h>

#include "libs/base/files.h"

namespace convrec::learner {
namespace {

TEST(RunStateTest, SurvivesItsJson) {
  const RunState state{
      .in_rl = true,
      .sft_step = 7,
      .rl_step = 12,
      .base_digest = "d1",
      .ledger = {.feed_cursor = 99,
                 .untrained = {{.pass = 1, .prompt = 4}, {.pass = 0, .prompt = 2}}}};
  const auto back = RunStateFromJson(ToJson(state));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(ToJson(*back), ToJson(state));
  EXPECT_EQ(back->ledger.untrained, state.ledger.untrained);
  EXPECT_EQ(back->base_digest, "d1");
}

TEST(RunStateTest, MalformedStateNamesTheField) {
  for (const char* text : {"[]", "{\"stage\":\"other\"}", "{\"stage\":\"rl\",\"sft_step\":-1}"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(RunStateFromJson(text).status())) << text;
  }
}

TEST(RunEpochTest, CountsStarts) {
  base::TemporaryDirectory dir;
  EXPECT_EQ(NextRunEpoch(dir.path())->value, 1);
  EXPECT_EQ(NextRunEpoch(dir.path())->value, 2);
}

TEST(RunEpochTest, DamagedFileIsNamed) {
  base::TemporaryDirectory dir;
  ASSERT_TRUE(base::WriteFileAtomically(base::JoinPath(dir.path(), "epoch"), "x").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(NextRunEpoch(dir.path()).status()));
}

}  // namespace
}  // namespace convrec::learner
