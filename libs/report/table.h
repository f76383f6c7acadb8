// The final table of a run as aligned text.
#pragma once

#include <string>
#include <vector>

#include "libs/report/results.h"

namespace convrec::report {

// One quantity over the stages of a run, with "-" where it was not measured.
struct TableRow {
  std::string label;
  std::string zero_shot;
  std::string sft;
  std::string rl;
  std::string rl_over_sft = {};  // Empty where a ratio is meaningless.
  bool is_headline = false;
  bool begins_group = false;  // Starts a new kind of quantity.
};

// The statistics of an evaluation that its table includes in the results, in table order.
std::vector<TableRow> TableRows(const Results& results);

// "test split, 500 conversations, SFT step 700, RL step 120"; "" when nothing was evaluated.
std::string TableCaption(const Results& results);

// Caption, header and rows, with a trailing newline; one sentence when nothing was evaluated.
std::string RenderTable(const Results& results);

}  // namespace convrec::report
