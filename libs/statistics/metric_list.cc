#include "libs/statistics/metric_list.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"
#include "libs/base/enum_names.h"
#include "libs/statistics/evaluation_table.h"
#include "libs/statistics/process_table.h"
#include "libs/statistics/step_table.h"

namespace convrec::statistics {
namespace {

constexpr char kHead[] =
    "# Every metric that convrec exports: type, name, process, unit, how a board makes one value "
    "of\n"
    "# several processes, its labels, each with its values where the set of values is fixed, and "
    "what\n"
    "# it is. run and component are on every series and not repeated.\n"
    "# Written by tools/dev statistics from the tables in libs/statistics; not by hand.\n";

void AppendStatistics(const char* record, std::span<const Statistic> table, std::string* text) {
  absl::StrAppend(text, record, "\n");
  for (const Statistic& row : table) {
    if (!row.is_logged) continue;
    absl::StrAppendFormat(text,
                          "  %-25s %-11s %-11s %s\n",
                          row.name,
                          base::NameOf(row.shape),
                          row.unit == Unit::kNone ? "" : base::NameOf(row.unit),
                          row.help);
  }
}

}  // namespace

Metric MetricOf(const Statistic& statistic) {
  const Export& exported = statistic.exported;
  if (exported.family != nullptr) return *exported.family;
  return {.name = exported.name,
          .kind = exported.kind,
          .unit = statistic.unit,
          .across = exported.across,
          .labels = statistic.shape == Shape::kByRank      ? "position"
                    : statistic.shape == Shape::kAtCutoffs ? "k"
                                                           : "",
          .help = statistic.help};
}

std::vector<Label> LabelsOf(const Metric& metric) {
  std::vector<Label> labels;
  const std::vector<std::string> words = absl::StrSplit(metric.labels, ' ', absl::SkipEmpty());
  for (const std::string& word : words) {
    const std::vector<std::string> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
    Label label{parts.front(), {}};
    if (parts.size() > 1) label.values = absl::StrSplit(parts.back(), ',');
    labels.push_back(std::move(label));
  }
  return labels;
}

std::vector<Metric> AllMetrics() {
  std::vector<Metric> metrics(std::begin(kProcessTable), std::end(kProcessTable));
  const auto add = [&metrics](std::span<const Statistic> table) {
    for (const Statistic& row : table) {
      const Metric metric = MetricOf(row);
      if (metric.name.empty()) continue;
      const auto known = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& other) {
        return other.name == metric.name;
      });
      if (known == metrics.end()) {
        metrics.push_back(metric);
      } else {
        CR_CHECK(known->help == metric.help && known->labels == metric.labels &&
                     known->kind == metric.kind && known->across == metric.across,
                 absl::StrCat(metric.name, " stands in the tables in two ways"));
      }
    }
  };
  add(kSftTable);
  add(kRlTable);
  add(kEvaluationTable);
  return metrics;
}

std::string FormatMetrics() {
  std::string text = kHead;
  for (const Metric& metric : AllMetrics()) {
    absl::StrAppendFormat(&text,
                          "%-9s %-45s %-8s %-10s %-5s %s | %s\n",
                          base::NameOf(metric.kind),
                          metric.name,
                          base::NameOf(metric.process),
                          base::NameOf(metric.unit),
                          base::NameOf(metric.across),
                          metric.labels,
                          metric.help);
  }
  return text;
}

std::string FormatStatistics() {
  std::string text;
  AppendStatistics("sft_step", kSftTable, &text);
  AppendStatistics("rl_step", kRlTable, &text);
  AppendStatistics("evaluation", kEvaluationTable, &text);
  return text;
}

}  // namespace convrec::statistics
