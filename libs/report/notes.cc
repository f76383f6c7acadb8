#include "libs/report/notes.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "libs/report/cutoffs.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

// Changes below this are noise from a few lists and not worth a sentence.
constexpr double kNoticeable = 0.01;

void AddIfWorse(const char* what,
                double before,
                double after,
                bool is_more_worse,
                std::vector<std::string>* notes) {
  const double worse_by = is_more_worse ? after - before : before - after;
  if (worse_by < kNoticeable) return;
  notes->push_back(absl::StrCat(
      what, " got worse during RL: ", Percent(before, 1), " to ", Percent(after, 1), "."));
}

void AddComparison(const Evaluation& sft, const Evaluation& rl, std::vector<std::string>* notes) {
  if (Ndcg20(rl) <= Ndcg20(sft)) {
    notes->push_back(
        absl::StrCat("RL did not improve ", AtLast("NDCG", rl), " over SFT in this run."));
  }
  AddIfWorse("The share of repeated lines", sft["repeat_ratio"], rl["repeat_ratio"], true, notes);
  AddIfWorse("The share of off-catalog lines",
             sft["off_catalog_ratio"],
             rl["off_catalog_ratio"],
             true,
             notes);
  AddIfWorse("The share of lists with exactly N lines",
             sft["exact_ratio"],
             rl["exact_ratio"],
             false,
             notes);
  if (sft.count("rows") != rl.count("rows")) {
    notes->push_back(absl::StrCat("SFT was evaluated on ",
                                  sft.count("rows"),
                                  " conversations and RL on ",
                                  rl.count("rows"),
                                  "; the two are not strictly comparable."));
  }
}

// The last evaluation counts, but a better earlier one is worth mentioning.
void AddPeak(const RunLog& log, std::vector<std::string>* notes) {
  const Evaluation* best = nullptr;
  const Evaluation* last = nullptr;
  for (const Evaluation& evaluation : log.evaluations) {
    if (evaluation.stage != Stage::kRl || evaluation.split != Split::kValidation) continue;
    if (best == nullptr || Ndcg20(evaluation) > Ndcg20(*best)) best = &evaluation;
    if (last == nullptr || evaluation.step > last->step) last = &evaluation;
  }
  if (best == nullptr || best->step == last->step || Ndcg20(*best) < 1.02 * Ndcg20(*last)) return;
  notes->push_back(absl::StrCat("The best validation ",
                                AtLast("NDCG", *best),
                                " was ",
                                Fixed(Ndcg20(*best), 4),
                                " at RL step ",
                                best->step,
                                "; the table shows the last step, not the best one."));
}

void AddSteps(const RunLog& log, std::vector<std::string>* notes) {
  int64_t dropped = 0, zero_signal = 0, staleness = 0;
  double gap = 0;
  for (const RlStep& step : log.rl_steps) {
    dropped += step.count("dropped_groups");
    zero_signal += step.count("zero_signal_groups");
    staleness = std::max(staleness, step.count("staleness_max"));
    if (std::isfinite(step["logprob_gap"])) gap = std::max(gap, step["logprob_gap"]);
  }
  if (log.rl_steps.empty()) return;
  if (log.rl_steps.back().step < log.rl_steps.back().total_steps) {
    notes->push_back(absl::StrCat("RL stopped at step ",
                                  log.rl_steps.back().step,
                                  " of ",
                                  log.rl_steps.back().total_steps,
                                  "."));
  }
  if (dropped > 0)
    notes->push_back(
        absl::StrCat(dropped, " groups were sampled and not trained (late, stale or empty)."));
  if (zero_signal > 0) {
    notes->push_back(absl::StrCat(
        zero_signal, " groups carried no signal: their lists had equal rewards at every rank."));
  }
  notes->push_back(absl::StrCat("Largest staleness ",
                                staleness,
                                " steps; largest gap between sampled and recomputed ",
                                "log-probabilities ",
                                Compact(gap),
                                "."));
}

}  // namespace

std::vector<std::string> HonestNotes(const RunLog& log,
                                     const Results& results,
                                     const RunOutcome& outcome) {
  std::vector<std::string> notes;
  if (!outcome.is_finished)
    notes.push_back("The run is not finished; the numbers are those so far.");
  if (results.sft && results.rl) AddComparison(*results.sft, *results.rl, &notes);
  if (!results.empty()) {
    notes.push_back(
        "One run with one seed: this page cannot say how far another seed would land from it.");
    notes.push_back(results.split == Split::kTest
                        ? "The table is made on the test split at the last step of each stage."
                        : "There is no evaluation on the test split; the table is made on the "
                          "validation split, on "
                          "which settings may have been chosen.");
    if (!results.zero_shot) notes.push_back("The model before training was not evaluated.");
  }
  AddPeak(log, &notes);
  AddSteps(log, &notes);
  if (!log.rl_steps.empty()) {
    notes.push_back(
        "Quantities of sampled lists are drawn at training temperature and come from a few lists "
        "per "
        "step; they wander more than the greedy evaluations and are not comparable with them.");
  }
  if (log.has_torn_tail)
    notes.push_back("The last line of the log was incomplete and is left out.");
  return notes;
}

}  // namespace convrec::report
