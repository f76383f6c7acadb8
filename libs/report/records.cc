#include "libs/report/records.h"

#include "libs/base/check.h"

namespace convrec::report {

bool HasPosition(const Record& record) { return !std::holds_alternative<Event>(record); }

RunPosition PositionOf(const Record& record) {
  if (const auto* sft = std::get_if<SftStep>(&record)) return {Stage::kSft, sft->step};
  if (const auto* rl = std::get_if<RlStep>(&record)) return {Stage::kRl, rl->step};
  if (const auto* evaluation = std::get_if<Evaluation>(&record))
    return {evaluation->stage, evaluation->step};
  const auto* samples = std::get_if<Samples>(&record);
  CR_CHECK(samples != nullptr, "an event has no place in the run");
  return {samples->stage, samples->step};
}

const char* StageName(Stage stage) {
  switch (stage) {
    case Stage::kZeroShot:
      return "zero_shot";
    case Stage::kSft:
      return "sft";
    case Stage::kRl:
      return "rl";
  }
  return "unknown";
}

const char* SplitName(Split split) { return split == Split::kValidation ? "validation" : "test"; }

const char* OutcomeName(domain::LineOutcome outcome) {
  switch (outcome) {
    case domain::LineOutcome::kHit:
      return "hit";
    case domain::LineOutcome::kMiss:
      return "miss";
    case domain::LineOutcome::kOffCatalog:
      return "off_catalog";
    case domain::LineOutcome::kDuplicate:
      return "duplicate";
    case domain::LineOutcome::kSeen:
      return "seen";
    case domain::LineOutcome::kMalformed:
      return "malformed";
  }
  return "unknown";
}

}  // namespace convrec::report
