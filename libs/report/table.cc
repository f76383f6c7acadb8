#include "libs/report/table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/enum_names.h"
#include "libs/report/cutoffs.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

using statistics::Shape;
using statistics::Statistic;

// The value of a row at one cutoff; index 0 for numbers.
struct Quantity {
  size_t row = 0;
  size_t index = 0;
  double Of(const Evaluation& evaluation) const { return evaluation.at(row)[index]; }
};

std::string Show(const Statistic& statistic, double value) {
  if (statistic.shape == Shape::kAtCutoffs) return Fixed(value, 4);
  return statistic.unit == statistics::Unit::kShare ? Percent(value, 1) : Fixed(value, 1);
}

TableRow Row(const Results& results,
             const Statistic& statistic,
             Quantity quantity,
             std::string label) {
  const auto cell = [&](const std::optional<Evaluation>& evaluation) {
    return evaluation ? Show(statistic, quantity.Of(*evaluation)) : "-";
  };
  return {.label = std::move(label),
          .zero_shot = cell(results.zero_shot),
          .sft = cell(results.sft),
          .rl = cell(results.rl)};
}

std::string Ratio(const Results& results, Quantity quantity) {
  if (!results.sft || !results.rl || !(quantity.Of(*results.sft) > 0)) return "-";
  return Times(quantity.Of(*results.rl) / quantity.Of(*results.sft));
}

void AppendCell(const std::string& text, size_t width, std::string* line) {
  line->append(width - std::min(width, DisplayWidth(text)), ' ');
  line->append(text);
}

}  // namespace

std::vector<TableRow> TableRows(const Results& results) {
  std::vector<TableRow> rows;
  const std::optional<Evaluation>& any = results.rl    ? results.rl
                                         : results.sft ? results.sft
                                                       : results.zero_shot;
  const std::vector<int> cutoffs = CutoffsOf(any ? *any : Evaluation());
  size_t index = 0;
  bool was_at_cutoffs = true;
  for (const Statistic& statistic : statistics::kEvaluationTable) {
    const size_t row = index++;
    if (statistic.chart.section != statistics::Section::kResults) continue;
    const bool is_at_cutoffs = statistic.shape == Shape::kAtCutoffs;
    const size_t first = rows.size();
    if (!is_at_cutoffs) {
      rows.push_back(Row(results, statistic, {row, 0}, std::string(statistic.chart.title)));
    }
    for (size_t k = 0; is_at_cutoffs && k < cutoffs.size(); ++k) {
      rows.push_back(
          Row(results, statistic, {row, k}, absl::StrCat(statistic.chart.title, "@", cutoffs[k])));
      rows.back().rl_over_sft = Ratio(results, {row, k});
      rows.back().is_headline = statistic.name == "ndcg" && k + 1 == cutoffs.size();
    }
    rows[first].begins_group = first > 0 && (is_at_cutoffs || was_at_cutoffs);
    was_at_cutoffs = is_at_cutoffs;
  }
  return rows;
}

std::string TableCaption(const Results& results) {
  if (results.empty()) return "";
  const Evaluation& last = results.rl    ? *results.rl
                           : results.sft ? *results.sft
                                         : *results.zero_shot;
  std::string caption =
      absl::StrCat(base::NameOf(results.split), " split, ", last.count("rows"), " conversations");
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
