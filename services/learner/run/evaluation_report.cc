#include "services/learner/run/evaluation_report.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "libs/base/check.h"

namespace convrec::learner {
namespace {

bool IsBlank(const std::string& line) {
  return line.find_first_not_of(" \t\r\f\v") == std::string::npos;
}

}  // namespace

ListCensus CountLists(const std::vector<const domain::Rollout*>& rollouts, int num_ranks) {
  ListCensus census;
  census.lists = static_cast<int64_t>(rollouts.size());
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

report::Evaluation SummariseEvaluation(const std::vector<domain::RolloutGroup>& groups,
                                       int num_ranks) {
  report::Evaluation evaluation;
  std::vector<const domain::Rollout*> rollouts;
  for (const domain::RolloutGroup& group : groups) rollouts.push_back(&group.rollouts.front());
  evaluation["rows"] = static_cast<double>(rollouts.size());
  const ListCensus census = CountLists(rollouts, num_ranks);
  evaluation["lines"] = census.lines;
  evaluation["exact_ratio"] = census.exact_ratio;
  evaluation["repeat_ratio"] = census.repeat_ratio;
  evaluation["off_catalog_ratio"] = census.off_catalog_ratio;
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
