#include "libs/config/validate.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/errors.h"
#include "libs/base/listen_address.h"
#include "libs/config/number_list.h"
#include "libs/config/option_names.h"
#include "libs/config/word_list.h"

namespace convrec::config {
namespace {

constexpr int kMaxTokens = 1 << 20;
constexpr int kMaxCount = 1'000'000'000;
constexpr int kMaxThreads = 1024;
constexpr int kMinVocabulary = 300;  // 256 bytes and the special tokens leave room for merges.

using base::ListenAddress;

enum class ZeroPort { kAllowed, kRefused };

// Keeps the first broken rule.
class Rules final {
 public:
  template <typename Value>
  void Require(bool holds,
               const std::string& key,
               const Value& value,
               const std::string& expected) {
    if (holds || violation_) return;
    violation_ = Violation{key, absl::StrCat("is ", value, ": expected ", expected)};
  }

  void Between(int value, int low, int high, const std::string& key) {
    Require(value >= low && value <= high,
            key,
            value,
            high == kMaxCount ? absl::StrCat("an integer >= ", low)
                              : absl::StrCat("an integer from ", low, " to ", high));
  }
  void NotNegative(int value, const std::string& key) { Between(value, 0, kMaxCount, key); }
  void Positive(int value, const std::string& key) { Between(value, 1, kMaxCount, key); }

  void Positive(double value, const std::string& key) {
    Require(value > 0, key, value, "a number above 0");
  }
  void NotNegative(double value, const std::string& key) {
    Require(value >= 0, key, value, "a number >= 0");
  }
  void InOpenUnit(double value, const std::string& key) {
    Require(value > 0 && value < 1, key, value, "a number between 0 and 1, both excluded");
  }
  void Within(double value, double bound, const std::string& key) {
    Require(value >= -bound && value <= bound,
            key,
            value,
            absl::StrCat("a number from -", bound, " to ", bound));
  }

  void Wait(absl::Duration value, const std::string& key) {
    const double seconds = absl::ToDoubleSeconds(value);
    Require(seconds > 0 && seconds <= 7 * 86400, key, seconds, "seconds above 0, at most a week");
  }

  void Address(const std::string& value, ZeroPort zero_port, const std::string& key) {
    const std::string name =
        zero_port == ZeroPort::kRefused && value.starts_with("dns:///") ? value.substr(7) : value;
    const std::optional<ListenAddress> parsed = ListenAddress::Parse(name);
    const bool holds = parsed && (parsed->port > 0 || zero_port == ZeroPort::kAllowed);
    Require(holds,
            key,
            Quoted(value),
            zero_port == ZeroPort::kAllowed ? "host:port with a port from 0 (any free one) to 65535"
                                            : "host:port with a port from 1 to 65535");
  }

  // Two listeners of one process.
  void Apart(const std::string& a,
             const std::string& a_key,
             const std::string& b,
             const std::string& b_key) {
    const std::optional<ListenAddress> left = ListenAddress::Parse(a);
    const bool same = left && left->port != 0 && left == ListenAddress::Parse(b);
    Require(!same,
            b_key,
            Quoted(b),
            absl::StrCat("another port than ", a_key, ", since one process listens on both"));
  }

  static std::string Quoted(const std::string& text) { return absl::StrCat("\"", text, "\""); }

  const std::optional<Violation>& violation() const { return violation_; }

 private:
  std::optional<Violation> violation_;
};

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

bool IsDevice(const std::string& device) {
  if (device == "cpu" || device == "cuda") return true;
  int index = 0;
  return device.starts_with("cuda:") && device.size() <= 8 &&
         absl::SimpleAtoi(device.substr(5), &index) && index >= 0;
}

void CheckRun(const RunOptions& options, Rules& rules) {
  rules.Require(IsName(options.name),
                "name",
                Rules::Quoted(options.name),
                "1 to 63 letters, digits, \"-\", \"_\" and \".\", since it labels metrics");
  rules.Require(!options.run_dir.empty(), "run_dir", "empty", "a folder");
  rules.Require(IsDevice(options.model.device),
                "model.device",
                Rules::Quoted(options.model.device),
                "cpu, cuda or cuda:N");
  rules.Require(!options.model.chat_date.empty(),
                "model.chat_date",
                "empty",
                "a date, as in \"26 Jul 2024\"");
}

// `rows` of the sample world's split; `needed` when some stage of this run reads the split.
void CheckSplit(const DataSplitOptions& split,
                int rows,
                bool has_own_catalog,
                bool needed,
                const std::string& key,
                Rules& rules) {
  rules.NotNegative(split.skip, absl::StrCat(key, ".skip"));
  rules.NotNegative(split.take, absl::StrCat(key, ".take"));
  rules.Require(has_own_catalog || split.path.empty(),
                absl::StrCat(key, ".path"),
                Rules::Quoted(split.path),
                "no file, since data.catalog is empty: name the catalog that belongs to it");
  rules.Require(!has_own_catalog || !needed || !split.path.empty(),
                absl::StrCat(key, ".path"),
                "empty",
                "a file, since data.catalog names a catalog of your own");
  rules.Require(has_own_catalog || split.skip < rows,
                absl::StrCat(key, ".skip"),
                split.skip,
                absl::StrCat("less than the ", rows, " rows of the sample world's split"));
}

void CheckWorld(const WorldOptions& world, Rules& rules) {
  rules.Positive(world.sft_rows, "data.world.sft_rows");
  rules.Positive(world.train_rows, "data.world.train_rows");
  rules.Positive(world.validation_rows, "data.world.validation_rows");
  rules.Positive(world.test_rows, "data.world.test_rows");
  rules.Between(world.vocab_size, kMinVocabulary, kMaxTokens, "data.world.vocab_size");
  rules.Between(world.hidden_size, 2, 65536, "data.world.hidden_size");
  rules.Between(world.num_layers, 1, 1024, "data.world.num_layers");
  rules.Between(world.num_heads, 1, 1024, "data.world.num_heads");
  rules.Between(world.intermediate_size, 1, 1 << 20, "data.world.intermediate_size");
  // Rotary embeddings turn pairs of a head's dimensions.
  const bool divides = world.num_heads > 0 && world.hidden_size % (2 * world.num_heads) == 0;
  rules.Require(divides,
                "data.world.hidden_size",
                world.hidden_size,
                absl::StrCat("a multiple of 2 * num_heads = ",
                             2 * world.num_heads,
                             ", so that heads have an even width"));
}

void CheckData(const RunOptions& options, Rules& rules) {
  const DataOptions& data = options.data;
  CheckWorld(data.world, rules);
  const bool own = !data.catalog.empty();
  const bool trains = options.learner.steps > 0;
  CheckSplit(data.sft, data.world.sft_rows, own, options.learner.sft.steps > 0, "data.sft", rules);
  CheckSplit(data.train, data.world.train_rows, own, trains, "data.train", rules);
  CheckSplit(data.validation,
             data.world.validation_rows,
             own,
             trains && options.evaluation.every_steps > 0,
             "data.validation",
             rules);
  CheckSplit(data.test, data.world.test_rows, own, /*needed=*/false, "data.test", rules);
  rules.Require(data.instruction.find("{conversation}") != std::string::npos,
                "data.instruction",
                Rules::Quoted(data.instruction),
                "a text that holds {conversation}");
  rules.Between(data.num_ranks, 1, 100, "data.num_ranks");
  rules.Between(data.max_prompt_tokens, 1, kMaxTokens, "data.max_prompt_tokens");
}

void CheckDiscounts(const RunOptions& options, Rules& rules) {
  const RewardOptions& reward = options.reward;
  const auto discounts = ParseNumberList(reward.discounts);
  const bool holds = discounts && std::all_of(discounts->begin(), discounts->end(), [](double d) {
                       return d >= 0 && d <= 100;
                     });
  rules.Require(holds,
                "reward.discounts",
                Rules::Quoted(reward.discounts),
                "numbers from 0 to 100 with commas between, as in \"1, 0.5, 0.25\"");
  if (!holds) return;
  const bool uses_dcg = reward.rule == RewardRule::kDcg || reward.terms.dcg != 0;
  rules.Require(!uses_dcg || !discounts->empty(),
                "reward.discounts",
                "empty",
                "one number per rank for rule dcg, as in \"1, 0.5, 0.25\"");
  rules.Require(discounts->size() <= static_cast<size_t>(options.data.num_ranks),
                "reward.discounts",
                absl::StrCat(discounts->size(), " numbers long"),
                absl::StrCat("at most data.num_ranks = ", options.data.num_ranks));
}

void CheckTerms(const RewardTermsOptions& terms, Rules& rules) {
  rules.Within(terms.exp_inf, 100, "reward.terms.exp_inf");
  rules.Within(terms.exp, 100, "reward.terms.exp");
  rules.Within(terms.log_decay, 100, "reward.terms.log_decay");
  rules.Within(terms.dcg, 100, "reward.terms.dcg");
  rules.Within(terms.format, 100, "reward.terms.format");
  rules.Within(terms.length, 100, "reward.terms.length");
  rules.Within(terms.novelty, 100, "reward.terms.novelty");
  rules.Within(terms.diversity, 100, "reward.terms.diversity");
}

void CheckExternalRule(const ExternalRuleOptions& external, Rules& rules) {
  if (!external.address.empty()) {
    rules.Address(external.address, ZeroPort::kRefused, "reward.external.address");
  }
  rules.Within(external.weight, 100, "reward.external.weight");
  rules.Wait(external.timeout, "reward.external.timeout_s");
  rules.Within(external.default_value, 100, "reward.external.default_value");
}

void CheckLimits(const RewardLimitsOptions& limits, Rules& rules) {
  const std::string prefix = "reward.limits.";
  rules.NotNegative(limits.max_calls_per_client, prefix + "max_calls_per_client");
  rules.Between(limits.max_streams, 1, 1'000'000, prefix + "max_streams");
  rules.Between(limits.max_message_bytes, 1024, 1 << 30, prefix + "max_message_bytes");
  rules.Positive(limits.max_lists, prefix + "max_lists");
  rules.Positive(limits.max_lines, prefix + "max_lines");
  rules.Between(limits.max_list_bytes, 1, limits.max_message_bytes, prefix + "max_list_bytes");
  rules.Require(limits.max_held_bytes >= limits.max_message_bytes,
                prefix + "max_held_bytes",
                limits.max_held_bytes,
                absl::StrCat("at least max_message_bytes = ",
                             limits.max_message_bytes,
                             ", or the largest request never finds room"));
  rules.Wait(limits.stream_idle_timeout, prefix + "stream_idle_timeout_s");
}

void CheckMatching(const RunOptions& options, Rules& rules) {
  const MatchingOptions& matching = options.reward.matching;
  const std::string prefix = "reward.matching.";
  rules.Between(matching.catalog_year_tolerance, 0, 100, prefix + "catalog_year_tolerance");
  rules.Require(matching.fuzzy_threshold > 0 && matching.fuzzy_threshold <= 1,
                prefix + "fuzzy_threshold",
                matching.fuzzy_threshold,
                "a number above 0, at most 1");
  const bool is_reference = options.compat == Compat::kReference;
  rules.Require(!is_reference || matching.fuzzy == FuzzyMatching::kOff,
                prefix + "fuzzy",
                NameOf(matching.fuzzy),
                "off, since compat is reference");
  rules.Require(!is_reference || matching.catalog_year_tolerance == 0,
                prefix + "catalog_year_tolerance",
                matching.catalog_year_tolerance,
                "0, since compat is reference");
}

void CheckReward(const RunOptions& options, Rules& rules) {
  const RewardOptions& reward = options.reward;
  rules.Address(reward.listen, ZeroPort::kAllowed, "reward.listen");
  const bool is_published =
      reward.rule == RewardRule::kExpInf || reward.rule == RewardRule::kLogDecay;
  rules.Require(options.compat != Compat::kReference || is_published,
                "reward.rule",
                NameOf(reward.rule),
                absl::StrCat("exp_inf or log_decay, since compat is reference and the published "
                             "scripts have no ",
                             NameOf(reward.rule)));
  const bool uses_exp = reward.rule == RewardRule::kExp || reward.terms.exp != 0;
  rules.Require(
      !uses_exp || reward.gamma > 1, "reward.gamma", reward.gamma, "a number above 1 for rule exp");
  CheckDiscounts(options, rules);
  CheckTerms(reward.terms, rules);
  rules.Within(reward.rule_weight, 100, "reward.rule_weight");
  rules.Between(reward.year_tolerance, 0, 100, "reward.year_tolerance");
  rules.Within(reward.duplicate_reward, 100, "reward.duplicate_reward");
  rules.Within(reward.off_catalog_reward, 100, "reward.off_catalog_reward");
  rules.Within(reward.seen_reward, 100, "reward.seen_reward");
  rules.Within(reward.malformed_reward, 100, "reward.malformed_reward");
  rules.Between(reward.max_in_flight, 1, 100000, "reward.max_in_flight");
  rules.Between(reward.threads, 0, kMaxThreads, "reward.threads");
  const double poll_s = absl::ToDoubleSeconds(reward.catalog_poll);
  rules.Require(poll_s >= 0 && poll_s <= 86400,
                "reward.catalog_poll_s",
                poll_s,
                "seconds from 0 (never) to 86400");
  CheckExternalRule(reward.external, rules);
  CheckLimits(reward.limits, rules);
  CheckMatching(options, rules);
}

void CheckRollout(const RunOptions& options, Rules& rules) {
  const RolloutOptions& rollout = options.rollout;
  const bool trains = options.learner.steps > 0;
  rules.Address(rollout.learner_address, ZeroPort::kRefused, "rollout.learner_address");
  rules.Address(rollout.reward_address, ZeroPort::kRefused, "rollout.reward_address");
  rules.Address(rollout.health_listen, ZeroPort::kAllowed, "rollout.health_listen");
  rules.Between(rollout.workers, 1, 256, "rollout.workers");
  rules.Between(rollout.siblings, 1, 1024, "rollout.siblings");
  rules.Require(!trains || rollout.siblings >= 2,
                "rollout.siblings",
                rollout.siblings,
                "at least 2, since learner.steps is above 0 and an advantage compares siblings");
  rules.Require(rollout.temperature > 0 && rollout.temperature <= 100,
                "rollout.temperature",
                rollout.temperature,
                "a number above 0, at most 100");
  rules.Between(rollout.max_new_tokens, 1, kMaxTokens, "rollout.max_new_tokens");
  rules.Between(rollout.max_groups, 1, 65536, "rollout.max_groups");
  rules.Between(rollout.threads, 0, kMaxThreads, "rollout.threads");
  rules.Wait(rollout.reward_timeout, "rollout.reward_timeout_s");
  rules.Between(rollout.kv_cache_mb, 1, 1 << 22, "rollout.kv_cache_mb");
  rules.Between(rollout.prefill_tokens, 1, kMaxTokens, "rollout.prefill_tokens");
}

void CheckObjective(const RunOptions& options, Rules& rules) {
  const ObjectiveOptions& objective = options.learner.objective;
  const std::string prefix = "learner.objective.";
  rules.Require(
      objective.advantage_unit != AdvantageUnit::kToken,
      prefix + "advantage_unit",
      "token",
      "rank or sequence, since rewards are given per rank and no token has one of its own");
  rules.InOpenUnit(objective.clip_low, prefix + "clip_low");
  rules.InOpenUnit(objective.clip_high, prefix + "clip_high");
  rules.Require(objective.ratio_cap == 0 || objective.ratio_cap > 1 + objective.clip_high,
                prefix + "ratio_cap",
                objective.ratio_cap,
                "0 (none), or a number above 1 + clip_high");
  rules.NotNegative(objective.kl_beta, prefix + "kl_beta");
  rules.NotNegative(objective.entropy_weight, prefix + "entropy_weight");
  rules.Positive(objective.std_epsilon, prefix + "std_epsilon");
  rules.Within(objective.end_of_list_reward, 100, prefix + "end_of_list_reward");
  rules.Within(objective.extra_token_penalty, 100, prefix + "extra_token_penalty");
  rules.Within(objective.early_stop_penalty, 100, prefix + "early_stop_penalty");
  rules.Within(objective.truncation_penalty, 100, prefix + "truncation_penalty");
  const bool is_reference = options.compat == Compat::kReference;
  rules.Require(
      !is_reference || objective.correction == Correction::kOff,
      prefix + "correction",
      NameOf(objective.correction),
      "off, since compat is reference and the published trainer never reads the sampler's "
      "log-probabilities");
  rules.Require(objective.correction_min >= 0 && objective.correction_min <= 1,
                prefix + "correction_min",
                objective.correction_min,
                "a number from 0 to 1");
  rules.Require(objective.correction_max >= 1 && objective.correction_max <= 1e6,
                prefix + "correction_max",
                objective.correction_max,
                "a number from 1 to 1000000");
  rules.Between(objective.max_resampled, 1, 1000, prefix + "max_resampled");
}

void CheckOptimizer(const OptimizerOptions& optimizer, const std::string& prefix, Rules& rules) {
  rules.Require(optimizer.learning_rate > 0 && optimizer.learning_rate <= 1,
                prefix + "learning_rate",
                optimizer.learning_rate,
                "a number above 0, at most 1");
  rules.Require(optimizer.beta1 >= 0 && optimizer.beta1 < 1,
                prefix + "beta1",
                optimizer.beta1,
                "a number in [0, 1)");
  rules.Require(optimizer.beta2 >= 0 && optimizer.beta2 < 1,
                prefix + "beta2",
                optimizer.beta2,
                "a number in [0, 1)");
  rules.Positive(optimizer.epsilon, prefix + "epsilon");
  rules.NotNegative(optimizer.weight_decay, prefix + "weight_decay");
  rules.NotNegative(optimizer.max_grad_norm, prefix + "max_grad_norm");
  rules.NotNegative(optimizer.warmup_steps, prefix + "warmup_steps");
  rules.Require(optimizer.final_ratio >= 0 && optimizer.final_ratio <= 1,
                prefix + "final_ratio",
                optimizer.final_ratio,
                "a number from 0 to 1");
  rules.Between(optimizer.drop_every, 1, 1 << 30, prefix + "drop_every");
  rules.Require(optimizer.drop_factor > 0 && optimizer.drop_factor <= 1,
                prefix + "drop_factor",
                optimizer.drop_factor,
                "a number above 0, at most 1");
}

void CheckLora(const LearnerOptions& learner, Rules& rules) {
  static const std::set<std::string>* const kModules = new std::set<std::string>{
      "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  rules.Between(learner.lora.rank, 0, 1 << 16, "learner.lora.rank");
  if (learner.lora.rank == 0) return;
  rules.Positive(learner.lora.alpha, "learner.lora.alpha");
  std::set<std::string> seen;
  const std::vector<std::string> targets = ParseWordList(learner.lora.targets);
  bool holds = !targets.empty();
  for (const std::string& target : targets)
    holds = holds && kModules->count(target) != 0 && seen.insert(target).second;
  rules.Require(
      holds,
      "learner.lora.targets",
      absl::StrCat("\"", learner.lora.targets, "\""),
      absl::StrCat("each at most once and at least one of ", absl::StrJoin(*kModules, ", ")));
  rules.Require(learner.zero_stage <= 2,
                "learner.zero_stage",
                learner.zero_stage,
                "at most 2 with an adapter (learner.lora.rank above 0), whose base is not sharded");
}

void CheckLearner(const RunOptions& options, Rules& rules) {
  const LearnerOptions& learner = options.learner;
  rules.Address(learner.listen, ZeroPort::kAllowed, "learner.listen");
  rules.Between(learner.threads, 0, kMaxThreads, "learner.threads");
  rules.NotNegative(learner.steps, "learner.steps");
  rules.Between(learner.groups_per_step, 1, 1 << 20, "learner.groups_per_step");
  rules.Between(learner.max_staleness, 0, 1000, "learner.max_staleness");
  rules.Between(learner.updates_per_batch, 1, 1000, "learner.updates_per_batch");
  rules.Wait(learner.lease_timeout, "learner.lease_timeout_s");
  rules.Require(learner.lease_timeout > options.rollout.reward_timeout,
                "learner.lease_timeout_s",
                absl::ToDoubleSeconds(learner.lease_timeout),
                absl::StrCat("more than rollout.reward_timeout_s = ",
                             absl::ToDoubleSeconds(options.rollout.reward_timeout),
                             ", or a group that waits for its reward is leased twice"));
  rules.Wait(learner.starvation_timeout, "learner.starvation_timeout_s");
  rules.Positive(learner.microbatch_tokens, "learner.microbatch_tokens");
  rules.Between(learner.ranks, 1, 1024, "learner.ranks");
  rules.Between(learner.zero_stage, 0, 3, "learner.zero_stage");
  rules.Wait(learner.collective_timeout, "learner.collective_timeout_s");
  CheckLora(learner, rules);
  CheckObjective(options, rules);
  CheckOptimizer(learner.optimizer, "learner.optimizer.", rules);
  rules.NotNegative(learner.sft.steps, "learner.sft.steps");
  rules.Between(learner.sft.rows_per_step, 1, 1 << 20, "learner.sft.rows_per_step");
  CheckOptimizer(learner.sft.optimizer, "learner.sft.optimizer.", rules);
  rules.Between(learner.sft.max_tokens, 1, kMaxTokens, "learner.sft.max_tokens");
  rules.NotNegative(learner.checkpoint.every_steps, "learner.checkpoint.every_steps");
  rules.Between(learner.checkpoint.keep, 1, 10000, "learner.checkpoint.keep");
  rules.Between(learner.publish.delta_bases, 0, 64, "learner.publish.delta_bases");
  rules.Between(learner.publish.fanout, 0, 1024, "learner.publish.fanout");
}

void CheckRest(const RunOptions& options, Rules& rules) {
  rules.NotNegative(options.evaluation.every_steps, "evaluation.every_steps");
  rules.NotNegative(options.evaluation.rows, "evaluation.rows");
  rules.Between(options.evaluation.max_new_tokens, 0, kMaxTokens, "evaluation.max_new_tokens");
  rules.Between(options.evaluation.samples, 0, 1000, "evaluation.samples");
  const std::string& metrics = options.telemetry.metrics_listen;
  rules.Address(metrics, ZeroPort::kAllowed, "telemetry.metrics_listen");
  rules.Apart(options.learner.listen, "learner.listen", metrics, "telemetry.metrics_listen");
  rules.Apart(options.reward.listen, "reward.listen", metrics, "telemetry.metrics_listen");
  rules.Apart(
      options.rollout.health_listen, "rollout.health_listen", metrics, "telemetry.metrics_listen");
}

}  // namespace

std::optional<Violation> FindViolation(const RunOptions& options) {
  Rules rules;
  CheckRun(options, rules);
  CheckData(options, rules);
  CheckReward(options, rules);
  CheckRollout(options, rules);
  CheckLearner(options, rules);
  CheckRest(options, rules);
  return rules.violation();
}

absl::Status ValidateRunOptions(const RunOptions& options) {
  const std::optional<Violation> violation = FindViolation(options);
  if (!violation) return absl::OkStatus();
  return base::BadConfig(absl::StrCat(violation->key, " ", violation->message));
}

}  // namespace convrec::config
