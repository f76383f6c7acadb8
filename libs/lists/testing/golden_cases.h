// Test support: the golden cases of tests/golden/reward_cases.jsonl.gz, lists run through the
// reference implementation's own parser, rewards and metrics.
#pragma once

#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/domain/item.h"
#include "libs/domain/list_score.h"

namespace convrec::lists {

struct GoldenCase {
  int line = 0;  // In the file, from 1.
  std::string completion;
  std::vector<domain::Item> ground_truth;
  std::vector<std::string> seen_titles;
  int num_ranks = 0;
  std::vector<domain::Item> parsed;  // Lines that parsed, in order, not cut at N.
  std::vector<catalog::CatalogItem>
      catalog;                     // Those of parsed and ground_truth that are in the catalog.
  std::vector<double> exp_inf;     // N.
  std::vector<double> log_decay;   // N.
  std::array<double, 4> recall{};  // At kCutoffs.
  std::array<double, 4> ndcg{};
};

// Dies when the file is missing or damaged.
std::vector<GoldenCase> ReadGoldenCases(const std::string& path);

}  // namespace convrec::lists
