// The final table of a run as aligned text.
#pragma once

#include <string>
#include <vector>

#include "libs/report/results.h"

namespace convrec::report {

// One quantity over the stages of a run; `text` has an entry per column and "-" where it was not
// measured.
struct TableRow {
  std::string label;
  std::string zero_shot;
  std::string sft;
  std::string rl;
  std::string rl_over_sft = {};  // Empty where a ratio says nothing.
  bool is_headline = false;
  bool begins_group = false;  // A new kind of quantity.
};

// The statistics of an evaluation that its table shows in the results, in their order.
std::vector<TableRow> TableRows(const Results& results);

// "test split, 500 conversations, SFT step 700, RL step 120"; "" when nothing was evaluated.
std::string TableCaption(const Results& results);

// Caption, head and rows, a trailing newline; one sentence when nothing was evaluated.
std::string RenderTable(const Results& results);

}  // namespace convrec::report
