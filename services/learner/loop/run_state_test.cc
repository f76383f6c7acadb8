#include "services/learner/loop/run_state.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

TEST(RunStateTest, SurvivesItsJson) {
  const RunState state{
      .in_rl = true,
      .sft_step = 7,
      .rl_step = 12,
      .base_digest = "d1",
      .start = 3,
      .inputs = {{"data.test.path", {.path = "/t", .digest = "d2"}}},
      .ledger = {.feed_cursor = 99,
                 .untrained = {{.pass = 1, .prompt = 4}, {.pass = 0, .prompt = 2}}}};
  const auto back = RunStateFromJson(ToJson(state));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(ToJson(*back), ToJson(state));
  EXPECT_EQ(back->ledger.untrained, state.ledger.untrained);
  EXPECT_EQ(back->base_digest, "d1");
  EXPECT_EQ(back->inputs, state.inputs);
}

TEST(RunStateTest, AStateOfAnEarlierReleaseHasNoInputs) {
  const auto state =
      RunStateFromJson(R"({"stage":"rl","sft_step":1,"rl_step":2,"feed_cursor":3,"untrained":[]})");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_TRUE(state->inputs.empty());
  EXPECT_EQ(state->start, 0);
}

TEST(RunStateTest, MalformedStateNamesTheField) {
  for (const char* text : {"[]", "{\"stage\":\"other\"}", "{\"stage\":\"rl\",\"sft_step\":-1}"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(RunStateFromJson(text).status())) << text;
  }
}

}  // namespace
}  // namespace convrec::learner
