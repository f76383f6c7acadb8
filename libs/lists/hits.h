// list_judge.h for a single list as values.
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
std::vector<domain::LineOutcome> JudgeRanks(const RankedList& list,
                                            const std::vector<domain::Item>& ground_truth,
                                            const std::vector<std::string>& seen_titles,
                                            const catalog::Catalog& catalog,
                                            const HitOptions& options);

}  // namespace convrec::lists
