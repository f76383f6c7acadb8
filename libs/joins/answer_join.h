// Whether the answers that supervised rows teach name items of the catalog.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/data/dialogue_row.h"
#include "libs/joins/truth_join.h"

namespace convrec::joins {

struct AnswerJoin {
  int64_t num_lines = 0;  // Not blank, of all completions.
  int64_t num_named = 0;  // That are exactly an item of the catalog.
  // "row t0, line 2, "Up": ..." of the first that is not.
  std::string first_fault;

  double share() const {
    return num_lines == 0 ? 0 : static_cast<double>(num_named) / static_cast<double>(num_lines);
  }
};

// Rows without a completion are left out.
AnswerJoin JoinAnswers(const catalog::Catalog& catalog,
                       const std::vector<data::DialogueRow>& rows,
                       const ListRules& rules);

// "40 of 60 lines of the answers name items of the catalog, first that does not: ...".
std::string DescribeAnswers(const AnswerJoin& join);

}  // namespace convrec::joins
