// list_judge.h for a single list, with plain values.
#pragma once

#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/domain/item.h"
#include "libs/domain/list_score.h"
#include "libs/lists/list_judge.h"
#include "libs/lists/list_parser.h"

namespace convrec::lists {

// One outcome per entry of `list`.
inline std::vector<domain::LineOutcome> JudgeRanks(const RankedList& list,
                                                   const std::vector<domain::Item>& ground_truth,
                                                   const std::vector<std::string>& seen_titles,
                                                   const catalog::Catalog& catalog,
                                                   const HitOptions& options,
                                                   RankCounting counting = RankCounting::kByLine) {
  const ListTarget target(catalog, ground_truth, seen_titles, counting);
  std::vector<ListLine> lines;
  lines.reserve(list.entries.size());
  for (const RankedEntry& entry : list.entries) {
    lines.push_back({.title = entry.item.title,
                     .year = entry.item.year,
                     .source_line = entry.source_line,
                     .status = entry.status});
  }
  std::vector<domain::LineOutcome> outcomes;
  outcomes.reserve(lines.size());
  ListJudge judge(&catalog, options);
  for (const JudgedLine& judged : judge.JudgeAll(lines, target)) outcomes.push_back(judged.outcome);
  return outcomes;
}

}  // namespace convrec::lists
