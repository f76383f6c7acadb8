// Whether the ground truths of a data set can be hit at all by lists of a catalog.
//
// A truth can be hit if the line of some catalog item, written as the run's lists are, is judged a
// hit for it by the code that gives rewards (lists/list_judge.h): the item has its title by
// TitleKey and a near year, can be read back from its line, and was not seen in the dialogue.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/data/dialogue_row.h"
#include "libs/lists/list_format.h"
#include "libs/lists/list_parser.h"

namespace convrec::joins {

// How the lists of a run are written, read and judged.
struct ListRules {
  lists::ListStyle style = lists::ListStyle::kPlain;
  lists::RankCounting counting = lists::RankCounting::kByLine;
  int num_ranks = 20;
  int year_tolerance = 2;
};

// Why no list can hit a truth.
enum class TruthFault {
  kUnknownTitle,  // No item has the title.
  kOtherYear,     // Items have it in years too far away.
  kSeen,          // Its items were named in the dialogue.
  kNotReadBack,   // The lines of its items are read as something else.
};
inline constexpr size_t kNumTruthFaults = 4;

struct TruthJoin {
  int64_t num_truths = 0;
  int64_t num_hittable = 0;
  int64_t num_rows = 0;
  int64_t num_rows_without = 0;  // Rows of which no truth can be hit: all their lists earn nothing.
  std::array<int64_t, kNumTruthFaults> num_by_fault{};
  // Of the first truth that cannot be hit: "row t0, "Moon, Dark (2012)": not in the catalog, which
  // has "Dark Moon (2012)"".
  std::string first_fault;

  // Truths that rewards can hit and evaluation, which compares titles as they are written, cannot.
  int64_t num_unevaluated = 0;
  std::string first_unevaluated;

  // Seen titles that several items have, as "Heat" without a year.
  int64_t num_wide_seen = 0;
  bool wide_seen_block_all = false;  // As in the published method; otherwise they block none.
  std::string first_wide_seen;
  // Seen titles that block nothing, although an item has the same title in other case or spaces.
  int64_t num_idle_seen = 0;
  std::string first_idle_seen;

  double share() const {
    return num_truths == 0 ? 0
                           : static_cast<double>(num_hittable) / static_cast<double>(num_truths);
  }
};

TruthJoin JoinTruths(const catalog::Catalog& catalog,
                     const std::vector<data::DialogueRow>& rows,
                     const ListRules& rules);

// "0 of 24 truths can be hit, first that cannot: ...", or "all 24 truths can be hit".
std::string DescribeTruths(const TruthJoin& join);
// The rest of what a reader should know, a sentence each.
std::vector<std::string> DescribeOddities(const TruthJoin& join);

}  // namespace convrec::joins
