#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "libs/base/errors.h"
#include "libs/config/load.h"

namespace convrec::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The error of LoadRunOptions for `overrides`, or "" when it accepts them.
std::string Verdict(const std::vector<std::string>& overrides) {
  const auto options = LoadRunOptions({}, overrides);
  if (options.ok()) return "";
  EXPECT_TRUE(base::IsBadConfig(options.status()));
  return std::string(options.status().message());
}

TEST(RulesTest, DefaultsKeepEveryRule) { EXPECT_EQ(Verdict({}), ""); }

TEST(RulesTest, MessageNamesPlaceKeyValueAndExpectation) {
  EXPECT_EQ(Verdict({"learner.groups_per_step=0"}),
            "override \"learner.groups_per_step=0\": learner.groups_per_step is 0: expected an "
            "integer from 1 to 1048576");
}

TEST(RulesTest, ValuesOutOfRangeAreRefused) {
  constexpr char kAssignments[] =
      R"(name= | name=a b | run_dir= | model.device=gpu | model.device=cuda: |
      model.device=cuda:x | model.chat_date= | data.instruction=no placeholder |
      data.num_ranks=0 | data.num_ranks=101 | data.max_prompt_tokens=0 | data.train.skip=-1 |
      data.train.take=-1 | data.train.skip=4000 | data.world.sft_rows=0 |
      data.world.train_rows=0 | data.world.validation_rows=0 | data.world.test_rows=0 |
      data.world.vocab_size=256 | data.world.hidden_size=66 | data.world.num_heads=0 |
      data.world.num_layers=0 | data.world.intermediate_size=0 | reward.year_tolerance=-1 |
      reward.duplicate_reward=1e9 | reward.max_in_flight=0 | reward.rule_weight=1e9 |
      reward.discounts=1,x | reward.discounts=1,,2 | reward.discounts=-1 |
      reward.terms.novelty=nan | reward.terms.length=101 | reward.external.address=nowhere |
      reward.external.timeout_s=0 | reward.threads=-1 | reward.catalog_poll_s=-1 |
      reward.limits.max_lists=0 | reward.limits.max_held_bytes=1024 |
      rollout.workers=0 | rollout.siblings=1 | rollout.siblings=0 | rollout.temperature=0 |
      rollout.temperature=-1 | learner.objective.advantage_unit=token |
      learner.objective.ratio_cap=1.01 | learner.objective.entropy_weight=-0.1 |
      learner.objective.correction_min=1.1 | learner.objective.correction_max=0.9 |
      learner.objective.max_resampled=0 | rollout.max_new_tokens=0 | rollout.max_groups=0 |
      rollout.threads=-1 | rollout.reward_timeout_s=0 | learner.threads=-1 | learner.steps=-1 |
      learner.groups_per_step=0 | learner.max_staleness=-1 | learner.updates_per_batch=0 |
      learner.lease_timeout_s=0 | learner.lease_timeout_s=60 |
      learner.starvation_timeout_s=-5 | learner.microbatch_tokens=0 | learner.lora.rank=-1 |
      learner.objective.clip_low=0 | learner.objective.clip_low=1 |
      learner.objective.clip_high=0 | learner.objective.kl_beta=-1 |
      learner.objective.std_epsilon=0 | learner.optimizer.learning_rate=0 |
      learner.optimizer.beta1=1 | learner.optimizer.beta2=-0.1 | learner.optimizer.epsilon=0 |
      learner.optimizer.weight_decay=-1 | learner.optimizer.max_grad_norm=-1 |
      learner.optimizer.warmup_steps=-1 | learner.optimizer.final_ratio=2 |
      learner.optimizer.drop_every=0 | learner.optimizer.drop_factor=0 |
      learner.optimizer.drop_factor=2 | learner.sft.steps=-1 | learner.sft.rows_per_step=0 |
      learner.sft.max_tokens=0 | learner.sft.optimizer.learning_rate=0 |
      learner.checkpoint.every_steps=-1 | learner.checkpoint.keep=0 |
      evaluation.every_steps=-1 | evaluation.rows=-1 | evaluation.max_new_tokens=-1 |
      evaluation.samples=-1)";
  for (const std::string& text : std::vector<std::string>(absl::StrSplit(kAssignments, '|'))) {
    const std::string assignment(absl::StripAsciiWhitespace(text));
    const std::string key = assignment.substr(0, assignment.find('='));
    EXPECT_THAT(Verdict({assignment}),
                StartsWith("override \"" + assignment + "\": " + key + " is "))
        << assignment;
  }
}

TEST(RulesTest, AnAdapterNeedsTargetsThatThereAreAndAWeight) {
  EXPECT_EQ(Verdict({"learner.lora.rank=8", "learner.lora.targets=q_proj,down_proj"}), "");
  EXPECT_EQ(Verdict({"learner.lora.targets=anything"}), "") << "without an adapter";
  for (const std::string targets : {"", "lm_head", "q_proj, q_proj", "q_proj,,k_proj"}) {
    EXPECT_THAT(
        Verdict({"learner.lora.rank=8", "learner.lora.targets=" + targets}),
        HasSubstr("learner.lora.targets is \"" + targets + "\": expected each at most once"));
  }
  EXPECT_THAT(Verdict({"learner.lora.rank=8", "learner.lora.alpha=0"}),
              HasSubstr("learner.lora.alpha is 0"));
}

TEST(RulesTest, AddressesNeedHostAndPort) {
  for (const std::string key :
       {"learner.listen", "reward.listen", "rollout.health_listen", "telemetry.metrics_listen"}) {
    for (const std::string good :
         {"127.0.0.1:0", "0.0.0.0:65535", "[::]:1", "localhost:8080", "my-host.example:80"}) {
      EXPECT_EQ(Verdict({key + "=" + good}), "") << good;
    }
    for (const std::string bad : {"",
                                  "localhost",
                                  ":80",
                                  "127.0.0.1:",
                                  "127.0.0.1:70000",
                                  "127.0.0.1:-1",
                                  "127.0.0.1:+5",
                                  "a b:80",
                                  "::1:80",
                                  "http://x:80"}) {
      EXPECT_THAT(Verdict({key + "=" + bad}), HasSubstr("expected host:port")) << bad;
    }
  }
}

TEST(RulesTest, AddressesToCallNeedARealPort) {
  EXPECT_EQ(Verdict({"rollout.learner_address=learner:50051"}), "");
  EXPECT_EQ(Verdict({"rollout.reward_address=dns:///convrec-reward:50051"}), "");
  EXPECT_THAT(Verdict({"rollout.reward_address=reward:0"}), HasSubstr("a port from 1 to 65535"));
}

TEST(RulesTest, OneProcessCannotListenTwiceOnAPort) {
  EXPECT_THAT(Verdict({"telemetry.metrics_listen=127.0.0.1:50051"}),
              HasSubstr("another port than learner.listen"));
  EXPECT_EQ(Verdict({"telemetry.metrics_listen=127.0.0.1:0", "learner.listen=127.0.0.1:0"}), "");
}

TEST(RulesTest, ReferenceCompatHasNoFiniteBase) {
  EXPECT_EQ(Verdict({"reward.rule=exp", "reward.gamma=1.5"}), "");
  EXPECT_THAT(Verdict({"reward.rule=exp", "reward.gamma=1"}), HasSubstr("above 1"));
  EXPECT_THAT(Verdict({"reward.rule=exp", "compat=reference"}), HasSubstr("compat is reference"));
}

TEST(RulesTest, OwnDiscountsAreNumbersOnePerRank) {
  EXPECT_THAT(Verdict({"reward.rule=dcg"}), HasSubstr("one number per rank for rule dcg"));
  EXPECT_THAT(Verdict({"reward.terms.dcg=0.5"}), HasSubstr("one number per rank for rule dcg"));
  EXPECT_EQ(Verdict({"reward.rule=dcg", "reward.discounts=1, 0.5,0.25"}), "");
  EXPECT_THAT(Verdict({"reward.discounts=1,1,1", "data.num_ranks=2"}),
              HasSubstr("3 numbers long: expected at most data.num_ranks = 2"));
  EXPECT_THAT(Verdict({"reward.rule=dcg", "reward.discounts=1", "compat=reference"}),
              HasSubstr("the published scripts have no dcg"));
}

TEST(RulesTest, ALineFormatGoesWithItsCatalogAndInstruction) {
  const std::vector<std::string> own = {"data.catalog=c.jsonl",
                                        "data.sft.path=r.jsonl",
                                        "data.train.path=r.jsonl",
                                        "data.validation.path=r.jsonl",
                                        "data.test.path=r.jsonl"};
  const auto verdict = [&own](std::vector<std::string> overrides) {
    overrides.insert(overrides.begin(), own.begin(), own.end());
    return Verdict(overrides);
  };
  const std::string instruction = "data.instruction=Songs as title - artist: {conversation}";
  EXPECT_EQ(verdict({"data.line_format={title} - {artist}", instruction}), "");
  EXPECT_EQ(verdict({"data.line_format={title} ({year})"}), "");
  EXPECT_THAT(verdict({"data.line_format={title} - {artist}"}),
              HasSubstr("expected a text of your own that asks for such lines, since "
                        "data.line_format is not {title} ({year})"));
  EXPECT_THAT(verdict({"data.line_format=title", instruction}),
              HasSubstr("is \"title\": expected one line with fields of the catalog in "
                        "braces, as in {title} - {artist}"));
  EXPECT_THAT(verdict({"data.line_format={title}", instruction, "compat=reference"}),
              HasSubstr("expected {title} ({year}), since compat is reference"));
  EXPECT_THAT(Verdict({"data.line_format={title}", instruction}),
              HasSubstr("expected {title} ({year}), since data.catalog is empty"));
}

TEST(RulesTest, TheLargestRequestFindsRoom) {
  EXPECT_THAT(Verdict({"reward.limits.max_message_bytes=4096",
                       "reward.limits.max_list_bytes=2048",
                       "reward.limits.max_held_bytes=4095"}),
              HasSubstr("at least max_message_bytes = 4096"));
  EXPECT_THAT(Verdict({"reward.limits.max_message_bytes=4096"}),
              HasSubstr("reward.limits.max_list_bytes is 1048576"));
}

TEST(RulesTest, ReferenceCompatMatchesExactly) {
  EXPECT_EQ(Verdict({"reward.matching.fuzzy=edit", "reward.matching.catalog_year_tolerance=1"}),
            "");
  EXPECT_THAT(Verdict({"reward.matching.fuzzy=edit", "compat=reference"}),
              HasSubstr("reward.matching.fuzzy is edit: expected off, since compat is reference"));
  EXPECT_THAT(Verdict({"reward.matching.catalog_year_tolerance=1", "compat=reference"}),
              HasSubstr("expected 0, since compat is reference"));
  EXPECT_THAT(Verdict({"reward.matching.fuzzy_threshold=0"}), HasSubstr("above 0, at most 1"));
}

TEST(RulesTest, OneSiblingIsEnoughWithoutTraining) {
  EXPECT_EQ(Verdict({"rollout.siblings=1", "learner.steps=0"}), "");
}

TEST(RulesTest, OwnCatalogAndOwnSplitsBelongTogether) {
  EXPECT_THAT(Verdict({"data.train.path=t.jsonl"}), HasSubstr("data.catalog is empty"));
  EXPECT_THAT(Verdict({"data.catalog=c.jsonl"}), HasSubstr("data.sft.path is empty"));
  EXPECT_THAT(Verdict({"data.catalog=c.jsonl", "learner.sft.steps=0"}),
              HasSubstr("data.train.path is empty"));
  EXPECT_EQ(Verdict({"data.catalog=c.jsonl",
                     "data.sft.path=s",
                     "data.train.path=t",
                     "data.validation.path=v"}),
            "");
}

}  // namespace
}  // namespace convrec::config
