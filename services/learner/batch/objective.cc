#include "services/learner/batch/objective.h"

#include <array>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/errors.h"
#include "libs/text/words.h"

namespace convrec::learner {
namespace {

template <typename T>
struct Word {
  const char* word;
  T value;
};

constexpr std::array<Word<Compat>, 2> kCompats = {
    {{"fixed", Compat::kFixed}, {"reference", Compat::kReference}}};
constexpr std::array<Word<Unit>, 3> kUnits = {
    {{"token", Unit::kToken}, {"sequence", Unit::kSequence}, {"rank", Unit::kRank}}};
constexpr std::array<Word<LossType>, 4> kLossTypes = {{{"paper", LossType::kPaper},
                                                       {"bnpo", LossType::kBnpo},
                                                       {"grpo", LossType::kGrpo},
                                                       {"dr_grpo", LossType::kDrGrpo}}};
constexpr std::array<Word<StdDivisor>, 2> kStdDivisors = {
    {{"unbiased", StdDivisor::kUnbiased}, {"population", StdDivisor::kPopulation}}};

constexpr std::array<Word<ListReward>, 3> kListRewards = {
    {{"dcg", ListReward::kDcg}, {"first", ListReward::kFirst}, {"sum", ListReward::kSum}}};
constexpr std::array<Word<KlEstimator>, 3> kKlEstimators = {
    {{"k1", KlEstimator::kK1}, {"k2", KlEstimator::kK2}, {"k3", KlEstimator::kK3}}};

template <typename T, size_t kSize>
absl::StatusOr<T> Parse(const std::array<Word<T>, kSize>& words, const std::string& word) {
  std::vector<std::string> known;
  for (const Word<T>& entry : words) {
    if (word == entry.word) return entry.value;
    known.push_back(entry.word);
  }
  const std::string nearest = text::NearestWord(word, known);
  return base::BadConfig(
      absl::StrCat("\"",
                   word,
                   "\" is not one of ",
                   absl::StrJoin(known, ", "),
                   nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

template <typename T, size_t kSize>
std::string NameOf(const std::array<Word<T>, kSize>& words, T value) {
  for (const Word<T>& entry : words) {
    if (value == entry.value) return entry.word;
  }
  return "unknown";
}

struct Range {
  const char* key;
  double value;
  bool holds;
  const char* expected;
};

std::vector<Range> RangesOf(const Objective& o) {
  const auto is_amount = [](double value) { return value >= 0 && std::isfinite(value); };
  const auto number = [](const char* key, double value) {
    return Range{key, value, std::isfinite(value), "a number"};
  };
  return {
      {"num_ranks", double(o.num_ranks), o.num_ranks > 0, "at least 1"},
      {"clip_low", o.clip_low, o.clip_low >= 0 && o.clip_low < 1, "0 <= x < 1"},
      {"clip_high", o.clip_high, is_amount(o.clip_high), "0 or more"},
      {"ratio_cap",
       o.ratio_cap,
       o.ratio_cap == 0 || o.ratio_cap > 1 + o.clip_high,
       "0 (off) or more than 1 + clip_high"},
      {"kl_beta", o.kl_beta, is_amount(o.kl_beta), "0 or more"},
      {"entropy_weight", o.entropy_weight, is_amount(o.entropy_weight), "0 or more"},
      {"correction_min",
       o.correction_min,
       o.correction_min >= 0 && o.correction_min <= 1,
       "0 to 1"},
      {"correction_max",
       o.correction_max,
       o.correction_max >= 1 && std::isfinite(o.correction_max),
       "1 or more"},
      {"std_epsilon", o.std_epsilon, o.std_epsilon > 0, "more than 0"},
      number("end_of_list_reward", o.end_of_list_reward),
      number("extra_token_penalty", o.extra_token_penalty),
      number("early_stop_penalty", o.early_stop_penalty),
      number("truncation_penalty", o.truncation_penalty),
      {"max_completion_length",
       double(o.max_completion_length),
       o.max_completion_length > 0,
       "at least 1"},
  };
}

}  // namespace

Objective ReferenceObjective(int num_ranks) {
  Objective objective;
  objective.compat = Compat::kReference;
  objective.num_ranks = num_ranks;
  objective.loss_type = LossType::kBnpo;
  objective.anchor = RatioAnchor::kCurrent;
  return objective;
}

absl::Status Validate(const Objective& objective) {
  for (const Range& range : RangesOf(objective)) {
    if (range.holds) continue;
    return base::BadConfig(
        absl::StrCat("objective.", range.key, " is ", range.value, ", expected ", range.expected));
  }
  if (objective.advantage_unit == Unit::kToken) {
    return base::BadConfig(
        "objective.advantage_unit is token, expected rank or sequence, since rewards are given per "
        "rank and no token has one of its own");
  }
  if (objective.compat == Compat::kReference && objective.correction != Correction::kOff) {
    return base::BadConfig(
        "objective.correction is on, but compat: reference never reads the sampler's "
        "log-probabilities; expected off");
  }
  if (objective.compat == Compat::kReference && objective.truncation_penalty != 0) {
    return base::BadConfig(absl::StrCat("objective.truncation_penalty is ",
                                        objective.truncation_penalty,
                                        ", but compat: reference has no such term; expected 0"));
  }
  return absl::OkStatus();
}

std::string Describe(const Objective& objective) {
  const bool is_corrected = objective.correction != Correction::kOff;
  std::string text = absl::StrCat(NameOf(kUnits, objective.advantage_unit), " advantages");
  if (objective.advantage_unit == Unit::kSequence) {
    absl::StrAppend(&text, " of the list's ", NameOf(kListRewards, objective.list_reward));
  }
  absl::StrAppend(&text,
                  ", ",
                  NameOf(kUnits, objective.ratio_unit),
                  " ratios against ",
                  objective.anchor == RatioAnchor::kSampled && !is_corrected
                      ? "the sampling policy"
                      : "the policy before the step",
                  " clipped to [",
                  1 - objective.clip_low,
                  ", ",
                  1 + objective.clip_high,
                  "]");
  if (is_corrected) {
    absl::StrAppend(&text,
                    ", ",
                    NameOf(kUnits, objective.correction_unit),
                    objective.correction_pooling == Pooling::kMean ? " mean" : " product",
                    " weights against the sampling policy ",
                    objective.correction == Correction::kTruncate
                        ? absl::StrCat("truncated at ", objective.correction_max)
                        : absl::StrCat("masked outside of [",
                                       objective.correction_min,
                                       ", ",
                                       objective.correction_max,
                                       "]"));
  }
  absl::StrAppend(&text,
                  ", loss ",
                  NameOf(kLossTypes, objective.loss_type),
                  ", KL weight ",
                  objective.kl_beta,
                  " (",
                  NameOf(kKlEstimators, objective.kl_estimator),
                  objective.kl_beta > 0 && objective.kl_estimator == KlEstimator::kK1
                      ? ", whose gradient does not hold the policy back)"
                      : ")");
  if (objective.entropy_weight > 0) {
    absl::StrAppend(&text, ", entropy weight ", objective.entropy_weight);
  }
  absl::StrAppend(&text, ", compat ", NameOf(kCompats, objective.compat));
  return text;
}

absl::StatusOr<Compat> ParseCompat(const std::string& word) { return Parse(kCompats, word); }
absl::StatusOr<Unit> ParseUnit(const std::string& word) { return Parse(kUnits, word); }
absl::StatusOr<LossType> ParseLossType(const std::string& word) { return Parse(kLossTypes, word); }
absl::StatusOr<StdDivisor> ParseStdDivisor(const std::string& word) {
  return Parse(kStdDivisors, word);
}

}  // namespace convrec::learner
