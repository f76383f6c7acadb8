#include "libs/config/option_names.h"

#include <cstddef>
#include <span>

#include "libs/base/check.h"

namespace convrec::config {
namespace {

// In the order of the enumerators.
constexpr const char* kCompat[] = {"fixed", "reference"};
constexpr const char* kChatFormat[] = {"auto", "chatml", "llama3", "plain"};
constexpr const char* kWireType[] = {"f32", "bf16"};
constexpr const char* kComputeType[] = {"auto", "float32", "bfloat16"};
constexpr const char* kSwapMode[] = {"continue", "drain"};
constexpr const char* kSftTargets[] = {"completion", "teacher", "cooccurrence"};
constexpr const char* kPromptKeep[] = {"last", "ends"};
constexpr const char* kRewardRule[] = {"exp_inf", "exp", "log_decay", "dcg"};
constexpr const char* kFuzzyMatching[] = {"off", "edit", "token_sort"};
constexpr const char* kEvaluationCut[] = {"after_filter", "before_filter"};
constexpr const char* kRatioUnit[] = {"token", "sequence", "rank"};
constexpr const char* kAdvantageUnit[] = {"rank", "sequence", "token"};
constexpr const char* kMethod[] = {"rank_grpo", "grpo", "gspo", "dr_grpo", "dapo"};
constexpr const char* kListReward[] = {"dcg", "first", "sum"};
constexpr const char* kKlEstimator[] = {"k1", "k2", "k3"};
constexpr const char* kCorrection[] = {"off", "truncate", "mask"};
constexpr const char* kCorrectionUnit[] = {"token", "rank", "sequence"};
constexpr const char* kCorrectionPooling[] = {"mean", "sum"};
constexpr const char* kLossType[] = {"paper", "bnpo", "grpo", "dr_grpo"};
constexpr const char* kStdDivisor[] = {"unbiased", "population"};
constexpr const char* kScheduleKind[] = {"constant", "cosine", "linear", "step"};

using Table = std::span<const char* const>;
Table TableOf(Compat) { return kCompat; }
Table TableOf(ChatFormat) { return kChatFormat; }
Table TableOf(WireType) { return kWireType; }
Table TableOf(ComputeType) { return kComputeType; }
Table TableOf(SwapMode) { return kSwapMode; }
Table TableOf(SftTargets) { return kSftTargets; }
Table TableOf(PromptKeep) { return kPromptKeep; }
Table TableOf(RewardRule) { return kRewardRule; }
Table TableOf(FuzzyMatching) { return kFuzzyMatching; }
Table TableOf(EvaluationCut) { return kEvaluationCut; }
Table TableOf(RatioUnit) { return kRatioUnit; }
Table TableOf(AdvantageUnit) { return kAdvantageUnit; }
Table TableOf(Method) { return kMethod; }
Table TableOf(ListReward) { return kListReward; }
Table TableOf(KlEstimator) { return kKlEstimator; }
Table TableOf(Correction) { return kCorrection; }
Table TableOf(CorrectionUnit) { return kCorrectionUnit; }
Table TableOf(CorrectionPooling) { return kCorrectionPooling; }
Table TableOf(LossType) { return kLossType; }
Table TableOf(StdDivisor) { return kStdDivisor; }
Table TableOf(ScheduleKind) { return kScheduleKind; }

}  // namespace

template <typename Enum>
std::string NameOf(Enum value) {
  const Table names = TableOf(value);
  const auto index = static_cast<size_t>(value);
  CR_CHECK(index < names.size());
  return names[index];
}

template <typename Enum>
std::optional<Enum> ParseName(std::string_view name) {
  const Table names = TableOf(Enum{});
  for (size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <typename Enum>
std::vector<std::string> AllNames() {
  const Table names = TableOf(Enum{});
  return {names.begin(), names.end()};
}

#define CR_INSTANTIATE(Enum)                                      \
  template std::string NameOf(Enum);                              \
  template std::optional<Enum> ParseName<Enum>(std::string_view); \
  template std::vector<std::string> AllNames<Enum>();
CR_INSTANTIATE(Compat)
CR_INSTANTIATE(ChatFormat)
CR_INSTANTIATE(WireType)
CR_INSTANTIATE(ComputeType)
CR_INSTANTIATE(SwapMode)
CR_INSTANTIATE(SftTargets)
CR_INSTANTIATE(PromptKeep)
CR_INSTANTIATE(RewardRule)
CR_INSTANTIATE(FuzzyMatching)
CR_INSTANTIATE(EvaluationCut)
CR_INSTANTIATE(RatioUnit)
CR_INSTANTIATE(AdvantageUnit)
CR_INSTANTIATE(Method)
CR_INSTANTIATE(ListReward)
CR_INSTANTIATE(KlEstimator)
CR_INSTANTIATE(Correction)
CR_INSTANTIATE(CorrectionUnit)
CR_INSTANTIATE(CorrectionPooling)
CR_INSTANTIATE(LossType)
CR_INSTANTIATE(StdDivisor)
CR_INSTANTIATE(ScheduleKind)
#undef CR_INSTANTIATE

}  // namespace convrec::config
