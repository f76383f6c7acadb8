#include "services/learner/parallel/step_share.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

// Of 4, 5 and 6 tokens.
TrainingBatch ThreeGroups() {
  TrainingBatch batch;
  batch.version = {5};
  batch.counts.num_rows = 3;
  batch.counts.num_loss_tokens = 17;
  for (int32_t i = 0; i < 3; ++i) {
    SampleGroup& group = batch.groups.emplace_back();
    group.id = {.pass = 1, .prompt = i};
    group.prompt_tokens.assign(static_cast<size_t>(2 + i), i);
    group.lag = i;
    group.worker = "rollout-1";
    group.in_float32 = true;
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

TEST(StepShareTest, OneRankHasTheWholeBatchInItsOrder) {
  const std::vector<PolicyShare> shares = *SpreadBatch(ThreeGroups(), {1, 7});
  ASSERT_EQ(shares.size(), 1u);
  ASSERT_EQ(shares[0].batch.groups.size(), 3u);
  for (int64_t i = 0; i < 3; ++i)
    EXPECT_EQ(shares[0].batch.groups[static_cast<size_t>(i)].id.prompt, i);
  EXPECT_EQ(shares[0].num_rounds, 3);  // No two groups fit in 7 tokens.
  EXPECT_EQ(shares[0].num_microbatches, 3);
}

TEST(StepShareTest, EveryGroupHasOneRankAndAllRanksCountTheSameRounds) {
  // The largest group to rank 0, the next to rank 1, the last to rank 1 again, which has less.
  const std::vector<PolicyShare> shares = *SpreadBatch(ThreeGroups(), {2, 7});
  ASSERT_EQ(shares.size(), 2u);
  ASSERT_EQ(shares[0].batch.groups.size(), 1u);
  EXPECT_EQ(shares[0].batch.groups[0].id.prompt, 2);
  ASSERT_EQ(shares[1].batch.groups.size(), 2u);
  EXPECT_EQ(shares[1].batch.groups[0].id.prompt, 0);
  EXPECT_EQ(shares[1].batch.groups[1].id.prompt, 1);
  for (const PolicyShare& share : shares) {
    EXPECT_EQ(share.num_rounds, 2);
    EXPECT_EQ(share.num_microbatches, 3);
    EXPECT_EQ(share.batch.counts.num_rows, 3);
  }
}

TEST(StepShareTest, StepsWithoutTokensAreRefused) {
  const auto message = [](const absl::Status& status) { return std::string(status.message()); };
  EXPECT_EQ(message(SpreadBatch({}, {1, 7}).status()), "a training batch has no groups");
  TrainingBatch batch = ThreeGroups();
  batch.groups[2].prompt_tokens.clear();
  EXPECT_THAT(message(SpreadBatch(batch, {1, 7}).status()),
              ::testing::HasSubstr("group 2 has an empty prompt"));
  EXPECT_EQ(message(SpreadRows({}, {1, 7}).status()), "a supervised batch has no rows");
  EXPECT_THAT(message(SpreadRows({{{1}, {2}}, {{1}, {}}}, {1, 7}).status()),
              ::testing::HasSubstr("row 1 has an empty completion"));
}

TEST(StepShareTest, ARankReceivesItsGroupsAndTheCountsOfAll) {
  const std::vector<PolicyShare> sent = *SpreadBatch(ThreeGroups(), {4, 100});
  const std::string bytes = EncodeShares(sent);
  const PolicyShare share = DecodePolicyShare(bytes, 1);
  EXPECT_EQ(share.num_rounds, 1);
  EXPECT_EQ(share.num_microbatches, 3);
  EXPECT_EQ(share.batch.version.value, 5);
  EXPECT_EQ(share.batch.counts.num_loss_tokens, 17);
  ASSERT_EQ(share.batch.groups.size(), 1u);
  const SampleGroup& group = share.batch.groups[0];
  EXPECT_EQ(group.id.prompt, 1);
  EXPECT_EQ(group.lag, 1);
  EXPECT_EQ(group.worker, "rollout-1");
  EXPECT_TRUE(group.in_float32);
  EXPECT_EQ(group.samples[0].lag_T, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(group.prompt_tokens, (std::vector<int32_t>{1, 1, 1}));
  EXPECT_EQ(group.samples[0].token_ids, (std::vector<int32_t>{7, 1}));
  EXPECT_EQ(group.samples[0].sampled_logprobs, (std::vector<float>{-0.5F, -1.5F}));
  EXPECT_EQ(group.samples[0].advantage_T, (std::vector<double>{0.25, 1}));
  EXPECT_EQ(group.samples[0].num_ratio_units, 2);
  EXPECT_EQ(DecodePolicyShare(bytes, 2).batch.groups[0].id.prompt, 0);
  EXPECT_TRUE(DecodePolicyShare(bytes, 3).batch.groups.empty());
}

TEST(StepShareTest, RowsAndRecordsComeBackAsTheyWere) {
  const std::vector<SftRow> rows = {{{1}, {2, 3}}, {{4, 5}, {6, 7}}};
  const SftShare share = DecodeSftShare(EncodeShares(*SpreadRows(rows, {2, 100})), 1);
  ASSERT_EQ(share.rows.size(), 1u);
  EXPECT_EQ(share.rows[0].completion_tokens, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(share.num_tokens, 4);
  EXPECT_EQ(share.num_rounds, 1);
  const Records records = {{{1, 2}, {}}, {{3.5}}};
  EXPECT_EQ(DecodeRecords(EncodeRecords(records)), records);
}

}  // namespace
}  // namespace convrec::learner
