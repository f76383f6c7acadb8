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

}  // namespace convrec::report
