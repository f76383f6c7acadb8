// The records of a run's log: what the learner says about each step, evaluation and sample list.
//
// A record's place in a run is (stage, step): supervised steps come before reinforcement-learning
// steps, and each stage counts its own steps from 1. An evaluation carries the step it was made
// after.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "libs/domain/item.h"
#include "libs/domain/list_score.h"

namespace convrec::report {

enum class Stage { kZeroShot, kSft, kRl };  // In the order of a run.
enum class Split { kValidation, kTest };

// Place in a run; ordered by time.
struct RunPosition {
  Stage stage = Stage::kZeroShot;
  int64_t step = 0;
  friend auto operator<=>(RunPosition, RunPosition) = default;
};

struct SftStep {
  int64_t step = 0;  // From 1.
  int64_t total_steps = 0;
  double loss = 0;  // Mean negative log-likelihood of a target token.
  double learning_rate = 0;
  double grad_norm = 0;  // Before clipping.
  int64_t tokens = 0;    // Target tokens of the step.
  double tokens_per_second = 0;
  double seconds = 0;
};

// Ratios are shares in [0, 1] of lines or lists sampled for the step. A vector "by rank" has N
// entries.
struct RlStep {
  int64_t step = 0;  // From 1.
  int64_t total_steps = 0;
  int64_t policy_version = 0;  // The version this step made.
  double reward = 0;           // Mean over ranks and lists.
  std::vector<double> reward_by_rank;
  double hits_per_list = 0;
  double ndcg20 = 0;  // Mean over the sampled lists.
  double kl = 0;      // k3 to the SFT policy, mean over trained tokens.
  std::vector<double> kl_by_rank;
  double clip_low = 0;  // Share of ratios clipped at the lower and at the upper bound.
  double clip_high = 0;
  std::vector<double> clip_by_rank;
  double entropy = 0;  // Nats per token.
  double loss = 0;
  double grad_norm = 0;
  double learning_rate = 0;
  double lines = 0;         // Mean number of ranks of a list.
  double exact_ratio = 0;   // Lists of exactly N ranks.
  double repeat_ratio = 0;  // Lines that repeat an earlier item.
  double off_catalog_ratio = 0;
  double malformed_ratio = 0;
  double seen_ratio = 0;
  double truncated_ratio = 0;      // Lists cut by the token limit.
  double eos_ratio = 0;            // Lists that end by the stop token.
  double live_rank_ratio = 0;      // (group, rank) pairs whose siblings differ in reward.
  int64_t zero_signal_groups = 0;  // Trained groups without any such rank.
  int64_t resampled_groups = 0;    // Groups without signal replaced since the previous step.
  double staleness_mean = 0;       // Versions between a group's oldest token and what is trained.
  int64_t staleness_max = 0;
  double token_lag = 0;    // The same of a token, by what drew it; mean over trained tokens.
  double logprob_gap = 0;  // Largest |sampled - recomputed| log-probability.
  double ratio_mean = 1;   // Importance ratio before clipping.
  double ratio_min = 1;
  double ratio_max = 1;
  // Effective sample size of the weights in force, the ratio times any off-policy correction, over
  // the number of tokens.
  double effective_sample_ratio = 1;
  double correction_mean = 1;  // Raw weight, policy before the step over sampling policy.
  double correction_min = 1;
  double correction_max = 1;
  double correction_cut = 0;          // Share of tokens whose weight was truncated or masked.
  std::vector<double> ratio_by_rank;  // Mean, as ratio_mean; 0 where no list has the rank.
  std::vector<double> ratio_min_by_rank;
  std::vector<double> ratio_max_by_rank;
  std::vector<double> effective_sample_by_rank;
  std::vector<double> correction_by_rank;  // Mean, as correction_mean.
  std::vector<double> correction_cut_by_rank;
  std::vector<double> token_lag_by_rank;
  std::vector<double> zero_signal_by_rank;  // Share of groups with equal rewards at the rank.
  int64_t tokens = 0;                       // Completion tokens trained.
  double tokens_per_second = 0;
  double seconds = 0;  // The whole step; its parts follow.
  double wait_s = 0;   // For groups.
  double forward_s = 0;
  double backward_s = 0;
  double optimizer_s = 0;
  double publish_s = 0;
  double eta_s = 0;            // Until the last step.
  int64_t workers = 0;         // Rollout workers connected.
  int64_t dropped_groups = 0;  // Since the previous step: stale, late or empty.
};

struct Evaluation {
  Stage stage = Stage::kZeroShot;
  Split split = Split::kValidation;
  int64_t step = 0;  // Steps of the stage behind the evaluated weights.
  int64_t rows = 0;
  std::array<double, 4> recall{};  // At domain::kCutoffs.
  std::array<double, 4> ndcg{};
  std::array<double, 4> ndcg_strict{};
  double in_catalog_ratio = 0;
  double format_ratio = 0;
  double repeat_ratio = 0;
  double off_catalog_ratio = 0;
  double lines = 0;                  // Mean number of ranks of a list.
  double exact_ratio = 0;            // Lists of exactly N ranks.
  std::vector<double> hits_by_rank;  // N: share of lists with a hit at the rank.
  double seconds = 0;
};

struct SampleLine {
  std::string text;
  domain::LineOutcome outcome = domain::LineOutcome::kMiss;
};

struct SampleList {
  std::string id;  // Of the conversation; the same before and after.
  std::string conversation;
  std::vector<domain::Item> ground_truth;
  std::vector<SampleLine> lines;
};

struct Samples {
  Stage stage = Stage::kZeroShot;
  int64_t step = 0;
  std::vector<SampleList> samples;
};

// Something a reader of the run should know: a resume, a lost worker, a starved learner.
struct Event {
  std::string text;
};

using Record = std::variant<SftStep, RlStep, Evaluation, Samples, Event>;

// Where `record` stands in the run; events have no place.
bool HasPosition(const Record& record);
RunPosition PositionOf(const Record& record);

// Words of the log: "zero_shot", "sft", "rl"; "validation", "test"; "hit", "off_catalog", ...
const char* StageName(Stage stage);
const char* SplitName(Split split);
const char* OutcomeName(domain::LineOutcome outcome);

}  // namespace convrec::report
