#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "libs/wire/common.h"
#include "libs/wire/lease.h"
#include "libs/wire/list_score.h"
#include "libs/wire/rollout.h"

namespace convrec::wire {
namespace {

using domain::LineOutcome;

constexpr int32_t kMaxInt = std::numeric_limits<int32_t>::max();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

domain::ListScore MakeScore() {
  domain::ListScore score;
  score.rank_rewards = {1.0f, 0.0f, -0.5f};
  score.lines = {
      {0,
       {"The Matrix", 1999},
       LineOutcome::kHit,
       true,
       false,
       false,
       domain::LineMatch::kTitle,
       1},
      {1, {"Amélie", 2001}, LineOutcome::kMiss, false, false, false, domain::LineMatch::kFuzzy},
      {2, {"No Film", 1}, LineOutcome::kOffCatalog},
      {3, {"The Matrix", 1999}, LineOutcome::kDuplicate, true, false, true},
      {5, {"Alien", 1979}, LineOutcome::kSeen, true, true},
      {6, {}, LineOutcome::kMalformed}};
  score.recall = {0.25, 0.5, 0.75, 1};
  score.ndcg = {0.1, 0.2, 0.3, 0.4};
  score.ndcg_strict = {0, 0, 0.1, 1.0 / 3};
  score.in_catalog_ratio = 0.8;
  score.format_ratio = 5.0 / 6;
  return score;
}

domain::RolloutGroup MakeGroup() {
  domain::Rollout rollout;
  rollout.completion = {.token_ids = {5, 0, 9},
                        .sampled_logprobs = {-0.5f, 0.0f, -1e-6f},
                        .finish_reason = domain::FinishReason::kStop,
                        .version_runs = {{{3}, 2}, {{4}, 1}}};
  rollout.rank_of_token = {0, 7, domain::kEndUnit};
  rollout.score = MakeScore();
  rollout.text = std::string("A (1999)\n\xE2\x82", 11);  // Ends inside a UTF-8 sequence.
  domain::Rollout other = rollout;
  other.completion.finish_reason = domain::FinishReason::kLength;
  return {.group = {1, 17}, .attempt = 2, .epoch = {5}, .rollouts = {rollout, other}};
}

domain::Lease MakeLease() {
  domain::Lease lease;
  lease.group = {2, 40};
  lease.attempt = 1;
  lease.kind = domain::LeaseKind::kEvaluation;
  lease.epoch = {6};
  lease.version = {12};
  lease.num_siblings = 8;
  lease.sampling = {.temperature = 0.7f,
                    .top_k = 5,
                    .top_p = 0.9f,
                    .max_new_tokens = 64,
                    .constrained = true,
                    .seed = ~uint64_t{0}};
  lease.prompt.token_ids = {1, 0, 151643};
  lease.prompt.ground_truth = {{"Heat", 1995}, {"Up", 2009}};
  lease.prompt.seen_titles = {"Jaws"};
  lease.timeout = absl::Milliseconds(1500);
  return lease;
}

constexpr GroupBounds kBounds = {.num_ranks = 3, .num_siblings = 2, .vocab_size = 10, .epoch = {5}};

// Every field of a message and of its sub-messages is set, so that a round trip cannot lose one
// unnoticed. A field at proto3's zero counts as unset.
void ExpectAllFieldsSet(const google::protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto* field = message.GetDescriptor()->field(i);
    EXPECT_TRUE(field->is_repeated() ? reflection->FieldSize(message, field) > 0
                                     : reflection->HasField(message, field))
        << field->full_name();
  }
}

TEST(WireTest, LeaseSurvivesARoundTrip) {
  const domain::Lease lease = MakeLease();
  const v1::Lease message = ToProto(lease);
  ExpectAllFieldsSet(message);
  ExpectAllFieldsSet(message.sampling());
  const auto back = FromProto(message, lease.epoch);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->epoch, lease.epoch);
  EXPECT_EQ(back->prompt.ground_truth, lease.prompt.ground_truth);
  EXPECT_EQ(back->timeout, lease.timeout);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(ToProto(*back), message));
}

TEST(WireTest, GroupSurvivesARoundTrip) {
  const domain::RolloutGroup group = MakeGroup();
  const v1::RolloutGroup message = ToProto(group);
  ExpectAllFieldsSet(message);
  ExpectAllFieldsSet(message.rollouts(0));
  ExpectAllFieldsSet(message.rollouts(0).score());
  v1::RolloutGroup sent;
  ASSERT_TRUE(sent.ParseFromString(message.SerializeAsString()));
  const auto back = FromProto(sent, kBounds);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->rollouts[0].text, group.rollouts[0].text);
  EXPECT_EQ(back->rollouts[0].rank_of_token, group.rollouts[0].rank_of_token);
  EXPECT_EQ(back->rollouts[1].completion.finish_reason, domain::FinishReason::kLength);
  EXPECT_EQ(back->rollouts[0].score.lines[4].outcome, LineOutcome::kSeen);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(ToProto(*back), message));
}

TEST(WireTest, MalformedLineCarriesNoItem) {
  const v1::ListScore message = ToProto(MakeScore());
  EXPECT_TRUE(message.lines(0).has_item());
  EXPECT_FALSE(message.lines(5).has_item());
}

TEST(WireTest, GroundTruthStandsOnHitsOnly) {
  v1::ListScore message = ToProto(MakeScore());
  EXPECT_EQ(FromProto(message, 3)->lines[0].ground_truth, 1);
  message.mutable_lines(1)->set_ground_truth(0);
  EXPECT_EQ(FromProto(message, 3).status().message(),
            "lines[1].ground_truth is 0: expected an index >= 0, on a hit only");
  message.mutable_lines(1)->clear_ground_truth();
  EXPECT_EQ(FromProto(message, 3)->lines[1].match, domain::LineMatch::kFuzzy);
  message.mutable_lines(1)->set_match(static_cast<v1::LineMatch>(9));
  EXPECT_EQ(FromProto(message, 3).status().message(),
            "lines[1].match is 9: expected a known LineMatch");
  message.mutable_lines(1)->clear_match();
  message.mutable_lines(5)->set_in_catalog(true);
  EXPECT_EQ(FromProto(message, 3).status().message(),
            "lines[5].outcome is malformed: expected no item, hence neither in_catalog nor seen");
}

TEST(WireTest, BrokenGroupsAreRefusedByField) {
  const struct {
    std::function<void(v1::RolloutGroup&)> damage;
    std::string message;
  } cases[] = {
      {[](auto& g) { g.mutable_group()->set_prompt(-1); },
       "group.prompt is -1: expected an integer >= 0"},
      {[](auto& g) { g.mutable_group()->set_pass(-1); },
       "group.pass is -1: expected an integer >= 0"},
      {[](auto& g) { g.set_attempt(-1); }, "attempt is -1: expected an integer >= 0"},
      {[](auto& g) { g.clear_rollouts(); }, "rollouts is empty: expected at least one rollout"},
      {[](auto& g) { g.mutable_rollouts()->RemoveLast(); },
       "rollouts is 1 long: expected 2 siblings"},
      {[](auto& g) { g.mutable_rollouts(1)->clear_token_ids(); },
       "rollouts[1].token_ids is empty: expected at least one token"},
      {[](auto& g) { g.mutable_rollouts(1)->set_token_ids(2, -5); },
       "rollouts[1].token_ids[2] is -5: expected a token id >= 0"},
      {[](auto& g) { g.mutable_rollouts(0)->set_token_ids(0, 10); },
       "rollouts[0].token_ids[0] is 10: expected a token id below 10"},
      {[](auto& g) { g.mutable_rollouts(0)->add_sampled_logprobs(-1); },
       "rollouts[0].sampled_logprobs is 4 long: expected 3 entries, one per token"},
      {[](auto& g) { g.mutable_rollouts(0)->add_rank_of_token(0); },
       "rollouts[0].rank_of_token is 4 long: expected 3 entries, one per token"},
      {[](auto& g) { g.mutable_rollouts(0)->set_sampled_logprobs(1, 0.01f); },
       "rollouts[0].sampled_logprobs[1] is 0.01: expected a finite number <= 0"},
      {[](auto& g) { g.mutable_rollouts(0)->set_sampled_logprobs(1, kNan); },
       "rollouts[0].sampled_logprobs[1] is nan: expected a finite number <= 0"},
      {[](auto& g) { g.mutable_rollouts(0)->set_sampled_logprobs(1, -kInfinity); },
       "rollouts[0].sampled_logprobs[1] is -inf: expected a finite number <= 0"},
      {[](auto& g) { g.mutable_rollouts(0)->set_rank_of_token(0, -2); },
       "rollouts[0].rank_of_token[0] is -2: expected a rank >= 0, or -1 for the end token"},
      {[](auto& g) { g.mutable_rollouts(0)->clear_finish_reason(); },
       "rollouts[0].finish_reason is 0: expected a known FinishReason"},
      {[](auto& g) { g.mutable_rollouts(0)->set_finish_reason(static_cast<v1::FinishReason>(77)); },
       "rollouts[0].finish_reason is 77: expected a known FinishReason"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_version_runs(0)->set_version(-1); },
       "rollouts[0].version_runs[0].version is -1: expected 0 or more, as versions ascend"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_version_runs(1)->set_version(3); },
       "rollouts[0].version_runs[1].version is 3: expected 4 or more, as versions ascend"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_version_runs(1)->set_num_tokens(0); },
       "rollouts[0].version_runs[1].num_tokens is 0: expected an integer > 0"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_version_runs()->RemoveLast(); },
       "rollouts[0].version_runs is of 2 tokens: expected all of 3 tokens"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_version_runs(0)->set_num_tokens(kMaxInt); },
       "rollouts[0].version_runs is of 2147483648 tokens: expected all of 3 tokens"},
      {[](auto& g) { g.mutable_rollouts(0)->clear_version_runs(); },
       "rollouts[0].version_runs is of 0 tokens: expected all of 3 tokens"},
      {[](auto& g) { g.mutable_rollouts(0)->clear_score(); },
       "rollouts[0].score.rank_rewards is 0 long: expected 3 entries, one per rank"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->set_rank_rewards(2, kInfinity); },
       "rollouts[0].score.rank_rewards[2] is inf: expected a number from -1e6 to 1e6"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->set_rank_rewards(2, 3e38f); },
       "rollouts[0].score.rank_rewards[2] is 3e+38: expected a number from -1e6 to 1e6"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->set_rank_rewards(2, kNan); },
       "rollouts[0].score.rank_rewards[2] is nan: expected a number from -1e6 to 1e6"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->mutable_recall()->RemoveLast(); },
       "rollouts[0].score.recall is 3 long: expected 4 entries"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->set_ndcg(0, 1.5); },
       "rollouts[0].score.ndcg[0] is 1.5: expected a number from 0 to 1"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->set_ndcg_strict(0, kNan); },
       "rollouts[0].score.ndcg_strict[0] is nan: expected a number from 0 to 1"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->set_format_ratio(-1); },
       "rollouts[0].score.format_ratio is -1: expected a number from 0 to 1"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->set_in_catalog_ratio(2); },
       "rollouts[0].score.in_catalog_ratio is 2: expected a number from 0 to 1"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->mutable_lines(1)->set_line(-1); },
       "rollouts[0].score.lines[1].line is -1: expected an integer >= 0"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->mutable_lines(1)->clear_outcome(); },
       "rollouts[0].score.lines[1].outcome is 0: expected a known LineOutcome"},
      {[](auto& g) { g.mutable_rollouts(0)->mutable_score()->mutable_lines(1)->clear_item(); },
       "rollouts[0].score.lines[1].item is absent: expected an item exactly when the line is not "
       "malformed"},
      {[](auto& g) {
         g.mutable_rollouts(0)->mutable_score()->mutable_lines(1)->mutable_item()->set_year(-3);
       },
       "rollouts[0].score.lines[1].item.year is -3: expected a year >= 0"},
  };
  for (const auto& c : cases) {
    v1::RolloutGroup message = ToProto(MakeGroup());
    c.damage(message);
    const absl::Status status = FromProto(message, kBounds).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), c.message);
  }
}

TEST(WireTest, BrokenLeasesAreRefusedByField) {
  const struct {
    std::function<void(v1::Lease&)> damage;
    std::string message;
  } cases[] = {
      {[](auto& l) { l.mutable_group()->set_pass(-1); },
       "group.pass is -1: expected an integer >= 0"},
      {[](auto& l) { l.set_attempt(-1); }, "attempt is -1: expected an integer >= 0"},
      {[](auto& l) { l.clear_kind(); }, "kind is 0: expected a known LeaseKind"},
      {[](auto& l) { l.set_version(-1); }, "version is -1: expected an integer >= 0"},
      {[](auto& l) { l.set_num_siblings(0); }, "num_siblings is 0: expected an integer >= 1"},
      {[](auto& l) { l.mutable_sampling()->set_temperature(-1); },
       "sampling.temperature is -1: expected a number >= 0"},
      {[](auto& l) { l.mutable_sampling()->set_temperature(kNan); },
       "sampling.temperature is nan: expected a number >= 0"},
      {[](auto& l) { l.mutable_sampling()->set_top_k(-1); },
       "sampling.top_k is -1: expected an integer >= 0"},
      {[](auto& l) { l.mutable_sampling()->set_top_p(1.5); },
       "sampling.top_p is 1.5: expected a number in (0, 1]"},
      {[](auto& l) { l.mutable_sampling()->set_top_p(0); },
       "sampling.top_p is 0: expected a number in (0, 1]"},
      {[](auto& l) { l.mutable_sampling()->set_max_new_tokens(0); },
       "sampling.max_new_tokens is 0: expected an integer above 0"},
      {[](auto& l) { l.clear_prompt_token_ids(); },
       "prompt_token_ids is empty: expected at least one token"},
      {[](auto& l) { l.set_prompt_token_ids(1, -7); },
       "prompt_token_ids[1] is -7: expected a token id >= 0"},
      {[](auto& l) { l.clear_ground_truth(); },
       "ground_truth is empty: expected at least one item"},
      {[](auto& l) { l.mutable_ground_truth(1)->set_year(-1); },
       "ground_truth[1].year is -1: expected a year >= 0"},
      {[](auto& l) { l.set_timeout_ms(0); }, "timeout_ms is 0: expected an integer above 0"},
  };
  for (const auto& c : cases) {
    v1::Lease message = ToProto(MakeLease());
    c.damage(message);
    const absl::Status status = FromProto(message, domain::RunEpoch{1}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), c.message);
  }
}

TEST(WireTest, LogprobMayRoundSlightlyAboveZero) {
  v1::RolloutGroup message = ToProto(MakeGroup());
  message.mutable_rollouts(0)->set_sampled_logprobs(0, 9e-5f);
  EXPECT_TRUE(FromProto(message, kBounds).ok());
}

TEST(WireTest, UnboundedGroupTakesAnySizeAndToken) {
  v1::RolloutGroup message = ToProto(MakeGroup());
  message.mutable_rollouts()->RemoveLast();
  message.mutable_rollouts(0)->set_token_ids(0, 151642);
  EXPECT_TRUE(FromProto(message, {.num_ranks = 3}).ok());
}

}  // namespace
}  // namespace convrec::wire
