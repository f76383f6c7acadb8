#include "services/learner/run/evaluation_report.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "libs/base/check.h"

namespace convrec::learner {
namespace {

bool IsBlank(const std::string& line) {
  return line.find_first_not_of(" \t\r\f\v") == std::string::npos;
}

// Counts over lists and their lines; shares are of all lines (ranks past N included) or of all
// lists.
struct ListCensus {
  double lines = 0;        // Mean per list.
  double exact_ratio = 0;  // Lists of exactly N ranks.
  double repeat_ratio = 0;
  double off_catalog_ratio = 0;
  double malformed_ratio = 0;
  double seen_ratio = 0;
  double truncated_ratio = 0;        // Lists cut at the token limit.
  double ended_ratio = 0;            // Lists that end by a stop token.
  double hits = 0;                   // Mean per list, within the first N ranks.
  std::vector<double> hits_by_rank;  // N: share of lists with a hit at the rank.
};

ListCensus CountLists(const std::vector<const domain::Rollout*>& rollouts, int num_ranks) {
  ListCensus census;
  census.hits_by_rank.assign(static_cast<size_t>(num_ranks), 0);
  if (rollouts.empty()) return census;
  int64_t lines = 0, repeats = 0, off_catalog = 0, malformed = 0, seen = 0;
  for (const domain::Rollout* rollout : rollouts) {
    const auto& scored = rollout->score.lines;
    lines += static_cast<int64_t>(scored.size());
    census.exact_ratio += static_cast<int>(scored.size()) == num_ranks;
    census.truncated_ratio += rollout->completion.finish_reason == domain::FinishReason::kLength;
    census.ended_ratio += rollout->completion.finish_reason == domain::FinishReason::kStop;
    for (size_t rank = 0; rank < scored.size(); ++rank) {
      switch (scored[rank].outcome) {
        case domain::LineOutcome::kHit:
          if (rank < census.hits_by_rank.size()) {
            census.hits_by_rank[rank] += 1;
            census.hits += 1;
          }
          break;
        case domain::LineOutcome::kDuplicate:
          ++repeats;
          break;
        case domain::LineOutcome::kOffCatalog:
          ++off_catalog;
          break;
        case domain::LineOutcome::kMalformed:
          ++malformed;
          break;
        case domain::LineOutcome::kSeen:
          ++seen;
          break;
        case domain::LineOutcome::kMiss:
          break;
      }
    }
  }
  const double lists = static_cast<double>(rollouts.size());
  const double all_lines = static_cast<double>(std::max<int64_t>(lines, 1));
  census.lines = static_cast<double>(lines) / lists;
  census.repeat_ratio = static_cast<double>(repeats) / all_lines;
  census.off_catalog_ratio = static_cast<double>(off_catalog) / all_lines;
  census.malformed_ratio = static_cast<double>(malformed) / all_lines;
  census.seen_ratio = static_cast<double>(seen) / all_lines;
  for (double* sum :
       {&census.exact_ratio, &census.truncated_ratio, &census.ended_ratio, &census.hits})
    *sum /= lists;
  for (double& hits : census.hits_by_rank) hits /= lists;
  return census;
}

// What steps and evaluations both have.
template <typename Record>
void AddCensus(const ListCensus& census, Record& record) {
  record["lines"] = census.lines;
  record["exact_ratio"] = census.exact_ratio;
  record["repeat_ratio"] = census.repeat_ratio;
  record["off_catalog_ratio"] = census.off_catalog_ratio;
}

}  // namespace

void DescribeLists(const std::vector<const domain::Rollout*>& lists,
                   int num_ranks,
                   report::RlStep* step) {
  const ListCensus census = CountLists(lists, num_ranks);
  report::RlStep& record = *step;
  AddCensus(census, record);
  record["malformed_ratio"] = census.malformed_ratio;
  record["seen_ratio"] = census.seen_ratio;
  record["truncated_ratio"] = census.truncated_ratio;
  record["eos_ratio"] = census.ended_ratio;
  record["hits_per_list"] = census.hits;
  double ndcg20 = 0;
  for (const domain::Rollout* list : lists) ndcg20 += list->score.ndcg.back();
  record["ndcg20"] = ndcg20 / static_cast<double>(lists.size());
}

report::Evaluation SummariseEvaluation(const std::vector<domain::RolloutGroup>& groups,
                                       int num_ranks) {
  report::Evaluation evaluation;
  std::vector<const domain::Rollout*> rollouts;
  for (const domain::RolloutGroup& group : groups) rollouts.push_back(&group.rollouts.front());
  evaluation["rows"] = static_cast<double>(rollouts.size());
  const ListCensus census = CountLists(rollouts, num_ranks);
  AddCensus(census, evaluation);
  evaluation.list("hits_by_rank") = census.hits_by_rank;
  if (rollouts.empty()) return evaluation;
  const double rows = static_cast<double>(rollouts.size());
  for (const domain::Rollout* rollout : rollouts) {
    const domain::ListScore& score = rollout->score;
    for (size_t k = 0; k < domain::kCutoffs.size(); ++k) {
      evaluation.list("recall")[k] += score.recall[k] / rows;
      evaluation.list("ndcg")[k] += score.ndcg[k] / rows;
      evaluation.list("ndcg_strict")[k] += score.ndcg_strict[k] / rows;
    }
    evaluation["in_catalog_ratio"] += score.in_catalog_ratio / rows;
    evaluation["format_ratio"] += score.format_ratio / rows;
  }
  return evaluation;
}

std::vector<report::SampleList> PickSamples(const std::vector<domain::RolloutGroup>& groups,
                                            const std::vector<domain::Prompt>& prompts,
                                            const std::vector<std::string>& conversations,
                                            int count) {
  CR_CHECK(groups.size() <= prompts.size() && prompts.size() == conversations.size());
  std::vector<report::SampleList> samples;
  for (size_t i = 0; i < groups.size() && static_cast<int>(i) < count; ++i) {
    // Groups that were set aside are missing.
    const auto row = static_cast<size_t>(groups[i].group.prompt);
    CR_CHECK(row < prompts.size());
    report::SampleList sample{.id = prompts[row].id,
                              .conversation = conversations[row],
                              .ground_truth = prompts[row].ground_truth,
                              .lines = {}};
    const domain::Rollout& rollout = groups[i].rollouts.front();
    std::vector<std::string> texts;
    const std::vector<std::string> lines = absl::StrSplit(rollout.text, '\n');
    for (const std::string& line : lines) {
      if (!IsBlank(line)) texts.push_back(line);
    }
    for (const domain::ScoredLine& line : rollout.score.lines) {
      if (static_cast<size_t>(line.line) >= texts.size()) continue;
      sample.lines.push_back(
          {.text = texts[static_cast<size_t>(line.line)], .outcome = line.outcome});
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace convrec::learner
