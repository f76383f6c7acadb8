// Benchmark support: catalogs and lists like those of a recommender in training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/scoring/list_scorer.h"

namespace convrec::reward {

// `size` films with titles of two to five words.
catalog::Catalog MakeBenchCatalog(size_t size);

struct BenchGroup {
  scoring::Prompt prompt;
  std::vector<std::string> texts;
};

// Groups of numbered lists of 20 lines, about 1 KB each. Of every ten lines, eight name an item of
// the catalog, one names a film it does not contain, and one repeats an earlier line or is
// malformed; remarks follow the years. Prompts have 3 ground truths and 8 seen titles.
std::vector<BenchGroup> MakeBenchGroups(const catalog::Catalog& catalog,
                                        size_t num_groups,
                                        size_t lists_per_group,
                                        uint64_t seed);

}  // namespace convrec::reward
