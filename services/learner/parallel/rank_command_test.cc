#include "services/learner/parallel/rank_command.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

TrainingBatch ThreeGroups() {
  TrainingBatch batch;
  batch.counts.num_rows = 3;
  batch.counts.num_loss_tokens = 17;
  for (int32_t i = 0; i < 3; ++i) {
    SampleGroup& group = batch.groups.emplace_back();
    group.id = {.pass = 1, .prompt = i};
    group.prompt_tokens = {i, i + 1};
    group.lag = i;
    TrainingSample& sample = group.samples.emplace_back();
    sample.token_ids = {7, i};
    sample.sampled_logprobs = {-0.5F, -1.5F};
    sample.num_ratio_units = 2;
    sample.advantage_T = {0.25, static_cast<double>(i)};
    sample.share_T = {1, 0};
    sample.lag_T = {i, 0};
  }
  return batch;
}

TEST(RankCommandTest, ARankReceivesItsGroupsAndTheCountsOfAll) {
  const StepPlan plan = {{{1}, {}, {0, 2}}, 2, 5};
  const RankCommand sent = {RankCommand::Kind::kPolicyStep,
                            9,
                            EncodePolicyStep(ThreeGroups(), plan, /*has_reference=*/true)};
  const RankCommand command = DecodeCommand(Encode(sent));
  EXPECT_EQ(command.kind, RankCommand::Kind::kPolicyStep);
  EXPECT_EQ(command.step, 9);
  const PolicyShare share = DecodePolicyStep(command.body, 2);
  EXPECT_EQ(share.num_rounds, 2);
  EXPECT_EQ(share.num_microbatches, 5);
  EXPECT_TRUE(share.has_reference);
  EXPECT_EQ(share.batch.counts.num_loss_tokens, 17);
  ASSERT_EQ(share.batch.groups.size(), 2u);
  const SampleGroup& group = share.batch.groups[1];
  EXPECT_EQ(group.id.prompt, 2);
  EXPECT_EQ(group.lag, 2);
  EXPECT_EQ(group.samples[0].lag_T, (std::vector<int64_t>{2, 0}));
  EXPECT_EQ(group.prompt_tokens, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(group.samples[0].token_ids, (std::vector<int32_t>{7, 2}));
  EXPECT_EQ(group.samples[0].sampled_logprobs, (std::vector<float>{-0.5F, -1.5F}));
  EXPECT_EQ(group.samples[0].advantage_T, (std::vector<double>{0.25, 2}));
  EXPECT_EQ(group.samples[0].num_ratio_units, 2);
  EXPECT_TRUE(DecodePolicyStep(command.body, 1).batch.groups.empty());
}

TEST(RankCommandTest, RowsAndRecordsComeBackAsTheyWere) {
  const std::vector<SftRow> rows = {{{1}, {2, 3}}, {{4, 5}, {6}}};
  const SftShare share = DecodeSftStep(EncodeSftStep(rows, 3, {{{1}, {0}}, 1, 2}), 1);
  ASSERT_EQ(share.rows.size(), 1u);
  EXPECT_EQ(share.rows[0].completion_tokens, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(share.num_tokens, 3);
  const Records records = {{{1, 2}, {}}, {{3.5}}};
  EXPECT_EQ(DecodeRecords(EncodeRecords(records)), records);
}

}  // namespace
}  // namespace convrec::learner
