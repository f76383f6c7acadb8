// A statistic of a step or of an evaluation: one row of the table from which the run log, CSV,
// Prometheus, report.html and the dashboards are all derived.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "absl/strings/string_view.h"
#include "libs/statistics/metric.h"

namespace convrec::statistics {

enum class Shape {
  kNumber,
  kCount,      // A whole number.
  kByRank,     // A value per rank of the list, rank 1 first.
  kAtCutoffs,  // A value at each of domain::kCutoffs.
  kSamples,    // Any number of values; for a histogram.
};
constexpr std::array<const char*, 5> NamesOf(Shape) {
  return {"number", "count", "by rank", "at cutoffs", "samples"};
}

// How the values of a learner's ranks, which train a step together, are combined into one.
enum class Combine {
  kLeader,  // Only the leader has it: its clock, its ledger, the batch before it is split up.
  // The others combine the values of all ranks: those of their tokens if the row has a measure,
  // otherwise one value per rank.
  kSum,
  kMean,
  kMin,
  kMax,
  kEffective,  // Effective sample size (sum x)^2 / sum x^2 over the number of values.
};

// A batch may be trained on in several updates. Either the first one counts, before anything has
// changed, or the last one, where the ratios have moved furthest.
enum class Update { kFirst, kLast };

// Sections of report.html; kResults is its table of evaluations, which the command line shows too.
enum class Section {
  kNone,
  kResults,
  kQuality,
  kLists,
  kOptimisation,
  kSystem,
  kStepTime,
  kWarmStart
};

enum class Range {
  kFromZero,
  kFitted,  // The axis starts at the smallest value.
  kToOne,   // The axis extends to at least 1.
};

// Where report.html draws it. Rows with the same section and title share a chart; the first one
// gives its caption and range.
struct Chart {
  Section section = Section::kNone;
  absl::string_view title = {};
  absl::string_view curve = {};    // Name of its curve among several; empty: the title.
  absl::string_view caption = {};  // Empty: the help.
  Range range = Range::kFromZero;
};

// How it is exported to Prometheus.
struct Export {
  absl::string_view name = {};  // Empty: nothing, or a series of `family`.
  Kind kind = Kind::kGauge;
  Across across = Across::kMean;
  const Metric* family = nullptr;  // A metric with series for several statistics, distinguished by
                                   // a label.
  absl::string_view label = {};
  absl::string_view value = {};
};

struct Statistic {
  absl::string_view name;  // Name of the field in metrics.jsonl and of the column in CSV.
  Shape shape = Shape::kNumber;
  Unit unit = Unit::kNone;
  absl::string_view help = {};
  double otherwise = 0;  // The value where nothing was measured, and in logs older than the row.
  Combine combine = Combine::kLeader;
  Update update = Update::kFirst;
  absl::string_view measure = {};  // What a token is measured by; several rows may share one.
  Export exported = {};
  Chart chart = {};
  bool is_logged = true;  // In metrics.jsonl and CSV.
};

// The metric that `statistic` is exported as; its name is empty if it is not exported.
Metric MetricOf(const Statistic& statistic);

}  // namespace convrec::statistics
