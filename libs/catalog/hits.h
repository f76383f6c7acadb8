// Which ranks of a list are hits, for rewards (method section 4).
//
// A rank is a hit if its item is unseen, exactly in the catalog, and matches a ground truth that no
// earlier rank has consumed: titles by TitleKey, years within a tolerance, the nearest year first
// (y, y+1, y-1, y+2, y-2). Evaluation matches in another way: see ranking_metrics.h.
#pragma once

#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/catalog/list_parser.h"
#include "libs/domain/item.h"
#include "libs/domain/list_score.h"

namespace convrec::catalog {

struct HitOptions {
  int num_ranks = 20;      // N: later ranks are never hits; > 0.
  int year_tolerance = 2;  // Years a release may differ from the ground truth; >= 0.
};

// One outcome per entry of `list`. The first that applies of: malformed, seen, off-catalog, hit,
// duplicate (the same item at an earlier rank), miss.
std::vector<domain::LineOutcome> JudgeRanks(const RankedList& list,
                                            const std::vector<domain::Item>& ground_truth,
                                            const std::vector<std::string>& seen_titles,
                                            const Catalog& catalog,
                                            const HitOptions& options);

}  // namespace convrec::catalog
