// The resolved configuration of a run as plain values: the twin of proto/config.proto, whose
// comments are the reference documentation of every key.
//
// A RunOptions from load.h is complete and valid. The member initializers below only make an empty
// value well-defined; the defaults of a run stand in configs/defaults.yaml.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace convrec::config {

// Names in YAML are the enumerators in snake_case without the k; see option_names.h.
enum class Compat { kFixed, kReference };
enum class ChatFormat { kAuto, kChatml, kLlama3, kPlain };
enum class WireType { kF32, kBf16 };
enum class ComputeType { kAuto, kFloat32, kBfloat16 };
enum class SwapMode { kContinue, kDrain };
enum class SftTargets { kCompletion, kTeacher, kCooccurrence };
enum class PromptKeep { kLast, kEnds };
enum class RewardRule { kExpInf, kExp, kLogDecay, kDcg };
enum class FuzzyMatching { kOff, kEdit, kTokenSort };
enum class EvaluationCut { kAfterFilter, kBeforeFilter };
enum class RatioUnit { kToken, kSequence, kRank };
enum class Method { kRankGrpo, kGrpo, kGspo, kDrGrpo, kDapo };
enum class AdvantageUnit { kRank, kSequence, kToken };  // kToken only to be refused with a reason.
enum class ListReward { kDcg, kFirst, kSum };
enum class KlEstimator { kK1, kK2, kK3 };
enum class Correction { kOff, kTruncate, kMask };
enum class CorrectionUnit { kToken, kRank, kSequence };
enum class CorrectionPooling { kMean, kSum };
enum class LossType { kPaper, kBnpo, kGrpo, kDrGrpo };
enum class StdDivisor { kUnbiased, kPopulation };
enum class ScheduleKind { kConstant, kCosine, kLinear, kStep };

struct ModelOptions {
  std::string path;  // Absolute; "" = the sample model of data.world.
  ChatFormat chat_format = ChatFormat::kAuto;
  std::string chat_date;
  std::string device = "cpu";  // "cpu", "cuda" or "cuda:N".
  WireType wire_type = WireType::kF32;
};

struct DataSplitOptions {
  std::string path;  // Absolute; "" = the split of data.world with the same name.
  int skip = 0;
  int take = 0;  // 0 = all.
};

struct WorldOptions {
  uint64_t seed = 0;
  int sft_rows = 0;
  int train_rows = 0;
  int validation_rows = 0;
  int test_rows = 0;
  int vocab_size = 0;
  int hidden_size = 0;
  int num_layers = 0;
  int num_heads = 0;
  int intermediate_size = 0;
};

struct DataOptions {
  std::string catalog;  // Absolute; "" = the catalog of data.world.
  DataSplitOptions sft;
  DataSplitOptions train;
  DataSplitOptions validation;
  DataSplitOptions test;
  SftTargets sft_targets = SftTargets::kTeacher;
  std::string instruction;  // With {conversation} and {num_items}.
  int num_ranks = 20;       // N.
  bool numbered_lists = false;
  int max_prompt_tokens = 0;
  PromptKeep keep = PromptKeep::kLast;
  WorldOptions world;
};

struct RewardTermsOptions {  // Weights; 0 = off.
  double exp_inf = 0;
  double exp = 0;
  double log_decay = 0;
  double dcg = 0;
  double format = 0;
  double length = 0;
  double novelty = 0;
  double diversity = 0;
};

struct ExternalRuleOptions {
  std::string address;  // "" = none.
  double weight = 0;
  absl::Duration timeout;
  double default_value = 0;
};

struct RewardLimitsOptions {
  int max_calls_per_client = 0;  // 0 = no limit of its own.
  int max_streams = 0;
  int max_message_bytes = 0;
  int max_lists = 0;
  int max_lines = 0;
  int max_list_bytes = 0;
  int max_held_bytes = 0;
  absl::Duration stream_idle_timeout;
};

struct MatchingOptions {
  int catalog_year_tolerance = 0;
  FuzzyMatching fuzzy = FuzzyMatching::kOff;
  double fuzzy_threshold = 1;
};

struct RewardOptions {
  std::string listen;
  RewardRule rule = RewardRule::kExpInf;
  double gamma = 2;
  int year_tolerance = 2;
  double duplicate_reward = 0;
  double off_catalog_reward = 0;
  double seen_reward = 0;
  double malformed_reward = 0;
  int max_in_flight = 0;
  EvaluationCut evaluation_cut = EvaluationCut::kAfterFilter;
  double rule_weight = 1;
  std::string discounts;  // "1, 0.5"; see number_list.h.
  RewardTermsOptions terms;
  ExternalRuleOptions external;
  int threads = 0;              // 0 = one per core, at most 4.
  absl::Duration catalog_poll;  // Zero = never.
  RewardLimitsOptions limits;
  MatchingOptions matching;
};

struct RolloutOptions {
  std::string learner_address;
  std::string reward_address;
  std::string health_listen;
  int workers = 1;
  int siblings = 8;  // G.
  double temperature = 1;
  int max_new_tokens = 0;
  int max_groups = 0;
  int threads = 0;  // 0 = all cores.
  absl::Duration reward_timeout;
  ComputeType compute_type = ComputeType::kAuto;
  int kv_cache_mb = 1024;
  int prefill_tokens = 512;
  SwapMode swap_mode = SwapMode::kContinue;
  bool constrained = false;
  bool keep_weights = true;
};

struct ObjectiveOptions {
  Method method = Method::kRankGrpo;
  RatioUnit ratio_unit = RatioUnit::kRank;
  AdvantageUnit advantage_unit = AdvantageUnit::kRank;
  ListReward list_reward = ListReward::kDcg;
  LossType loss_type = LossType::kPaper;
  double clip_low = 0;
  double clip_high = 0;
  double ratio_cap = 0;  // 0 = none.
  double kl_beta = 0;
  KlEstimator kl_estimator = KlEstimator::kK3;
  double entropy_weight = 0;
  bool scale_rewards = true;
  double std_epsilon = 0;
  StdDivisor std = StdDivisor::kUnbiased;
  double end_of_list_reward = 0;
  double extra_token_penalty = 0;
  double early_stop_penalty = 0;
  double truncation_penalty = 0;
  bool mask_truncated = false;
  Correction correction = Correction::kOff;
  CorrectionUnit correction_unit = CorrectionUnit::kRank;
  CorrectionPooling correction_pooling = CorrectionPooling::kMean;
  double correction_min = 0;
  double correction_max = 1;
  bool dynamic_sampling = false;
  int max_resampled = 0;  // Times groups_per_step.
};

struct OptimizerOptions {
  double learning_rate = 0;
  double beta1 = 0;
  double beta2 = 0;
  double epsilon = 0;
  double weight_decay = 0;
  double max_grad_norm = 0;  // 0 = no clipping.
  ScheduleKind schedule = ScheduleKind::kConstant;
  int warmup_steps = 0;
  double final_ratio = 0;
  int drop_every = 0;  // Of kStep, as is the next.
  double drop_factor = 0;
};

struct SftOptions {
  int steps = 0;  // 0 = no supervised stage.
  int rows_per_step = 0;
  OptimizerOptions optimizer;
  int max_tokens = 0;
};

struct CheckpointOptions {
  int every_steps = 0;  // 0 = only at the end of a stage and on a stop.
  int keep = 0;
  bool keep_best = false;
};

struct PublishOptions {
  int delta_bases = 0;  // 0 = weights are always sent whole.
  bool shared_memory = true;
  int fanout = 0;  // 0 = all workers fetch from the learner.
  bool broadcast = false;
};

struct LoraOptions {
  int rank = 0;  // 0 = all parameters are trained.
  double alpha = 0;
  std::string targets;  // See word_list.h.
};

struct LearnerOptions {
  std::string listen;
  int threads = 0;  // 0 = all cores.
  int steps = 0;    // 0 = no reinforcement learning.
  int groups_per_step = 0;
  int max_staleness = 0;
  int updates_per_batch = 1;
  absl::Duration lease_timeout;
  absl::Duration starvation_timeout;
  int microbatch_tokens = 0;
  bool activation_checkpointing = false;
  ComputeType compute_type = ComputeType::kFloat32;
  int ranks = 1;  // Processes on this machine.
  int zero_stage = 0;
  absl::Duration collective_timeout;
  LoraOptions lora;
  ObjectiveOptions objective;
  OptimizerOptions optimizer;
  SftOptions sft;
  CheckpointOptions checkpoint;
  PublishOptions publish;
};

struct EvaluationOptions {
  int every_steps = 0;     // 0 = none during training.
  int rows = 0;            // 0 = the whole validation split.
  int max_new_tokens = 0;  // 0 = rollout.max_new_tokens.
  bool zero_shot = true;
  int samples = 0;
  bool constrained = false;
};

struct TelemetryOptions {
  std::string metrics_listen;
  std::string ports_dir;  // "" = none.
};

struct RunOptions {
  std::string name;
  std::string run_dir;  // Relative paths start at the working directory.
  uint64_t seed = 0;
  Compat compat = Compat::kFixed;
  ModelOptions model;
  DataOptions data;
  RewardOptions reward;
  RolloutOptions rollout;
  LearnerOptions learner;
  EvaluationOptions evaluation;
  TelemetryOptions telemetry;
};

}  // namespace convrec::config
