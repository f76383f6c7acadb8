#include "libs/report/table.h"

#include <algorithm>
#include <array>
#include <functional>

#include "absl/strings/str_cat.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

using Pick = std::function<double(const Evaluation&)>;
using Show = std::function<std::string(double)>;

std::string Cell(const std::optional<Evaluation>& evaluation, const Pick& pick, const Show& show) {
  return evaluation ? show(pick(*evaluation)) : "-";
}

TableRow Row(const Results& results, const std::string& label, const Pick& pick, const Show& show) {
  return {label,
          Cell(results.zero_shot, pick, show),
          Cell(results.sft, pick, show),
          Cell(results.rl, pick, show),
          "",
          false};
}

TableRow RowWithRatio(const Results& results, const std::string& label, const Pick& pick) {
  TableRow row = Row(results, label, pick, [](double value) { return Fixed(value, 4); });
  row.rl_over_sft = "-";
  if (results.sft && results.rl && pick(*results.sft) > 0) {
    row.rl_over_sft = Times(pick(*results.rl) / pick(*results.sft));
  }
  return row;
}

void AppendCell(const std::string& text, size_t width, std::string* line) {
  line->append(width - std::min(width, DisplayWidth(text)), ' ');
  line->append(text);
}

}  // namespace

std::vector<TableRow> TableRows(const Results& results) {
  std::vector<TableRow> rows;
  for (size_t i = 0; i < domain::kCutoffs.size(); ++i) {
    rows.push_back(RowWithRatio(results,
                                absl::StrCat("Recall@", domain::kCutoffs[i]),
                                [i](const Evaluation& e) { return e.recall[i]; }));
  }
  for (size_t i = 0; i < domain::kCutoffs.size(); ++i) {
    rows.push_back(RowWithRatio(results,
                                absl::StrCat("NDCG@", domain::kCutoffs[i]),
                                [i](const Evaluation& e) { return e.ndcg[i]; }));
    rows.back().is_headline = i == kAt20;
  }
  const Show percent = [](double value) { return Percent(value, 1); };
  rows.push_back(Row(
      results, "In catalog", [](const Evaluation& e) { return e.in_catalog_ratio; }, percent));
  rows.push_back(Row(
      results, "Well-formed lines", [](const Evaluation& e) { return e.format_ratio; }, percent));
  rows.push_back(Row(
      results, "Repeated lines", [](const Evaluation& e) { return e.repeat_ratio; }, percent));
  rows.push_back(Row(
      results,
      "Off-catalog lines",
      [](const Evaluation& e) { return e.off_catalog_ratio; },
      percent));
  rows.push_back(Row(
      results,
      "Lines per list",
      [](const Evaluation& e) { return e.lines; },
      [](double value) { return Fixed(value, 1); }));
  rows.push_back(Row(
      results, "Lists of exactly N", [](const Evaluation& e) { return e.exact_ratio; }, percent));
  return rows;
}

std::string TableCaption(const Results& results) {
  if (results.empty()) return "";
  const Evaluation& last = results.rl    ? *results.rl
                           : results.sft ? *results.sft
                                         : *results.zero_shot;
  std::string caption =
      absl::StrCat(SplitName(results.split), " split, ", last.rows, " conversations");
  if (results.sft) absl::StrAppend(&caption, ", SFT step ", results.sft->step);
  if (results.rl) absl::StrAppend(&caption, ", RL step ", results.rl->step);
  return caption;
}

std::string RenderTable(const Results& results) {
  if (results.empty()) return "No evaluation has been made yet.\n";
  static constexpr size_t kLabelWidth = 18;
  static constexpr size_t kCellWidth = 11;
  std::string text = absl::StrCat("Results on the ", TableCaption(results), "\n\n");
  const auto add_line = [&text](const std::string& label, const std::array<std::string, 4>& cells) {
    std::string line = label;
    line.resize(std::max(kLabelWidth, line.size()), ' ');
    for (const std::string& cell : cells) AppendCell(cell, kCellWidth, &line);
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  };
  add_line("", {"zero-shot", "SFT", "after RL", "RL / SFT"});
  absl::StrAppend(&text, std::string(kLabelWidth + 4 * kCellWidth, '-'), "\n");
  for (const TableRow& row : TableRows(results)) {
    add_line(row.label, {row.zero_shot, row.sft, row.rl, row.rl_over_sft});
  }
  return text;
}

}  // namespace convrec::report
