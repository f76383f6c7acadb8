// A statistic of a step or of an evaluation: one row of a table from which the run log, CSV,
// Prometheus, report.html and the boards all follow.
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

// How the ranks of a learner, which train a step together, make one value.
enum class Combine {
  kLeader,  // The leader has it alone: its clock, its ledger, the batch before it is shared out.
  // The rest are over the values of all ranks: those of their tokens where the row has a measure,
  // else one value of each.
  kSum,
  kMean,
  kMin,
  kMax,
  kEffective,  // Effective sample size (sum x)^2 / sum x^2 over the number of values.
};

// A batch may be trained on in several updates: what counts is what the first one finds before
// anything has changed, or the last one, where the ratios have moved furthest.
enum class Update { kFirst, kLast };

// Of report.html; kResults is its table of evaluations, which the command line shows too.
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
  kFitted,  // The axis begins where the values do.
  kToOne,   // The axis goes up to 1 at least.
};

// Where report.html draws it. Rows with the same section and title share a chart, whose caption and
// range the first one has.
struct Chart {
  Section section = Section::kNone;
  absl::string_view title = {};
  absl::string_view curve = {};    // Its name among several; empty: the title.
  absl::string_view caption = {};  // Empty: the help.
  Range range = Range::kFromZero;
};

// What Prometheus sees of it.
struct Export {
  absl::string_view name = {};  // Empty: nothing, or a series of `family`.
  Kind kind = Kind::kGauge;
  Across across = Across::kMean;
  const Metric* family = nullptr;  // Has the series of several statistics, told apart by a label.
  absl::string_view label = {};
  absl::string_view value = {};
};

struct Statistic {
  absl::string_view name;  // Of the field in metrics.jsonl, and of the column in CSV.
  Shape shape = Shape::kNumber;
  Unit unit = Unit::kNone;
  absl::string_view help = {};
  double otherwise = 0;  // Where nothing was measured, and in logs that are older than the row.
  Combine combine = Combine::kLeader;
  Update update = Update::kFirst;
  absl::string_view measure = {};  // What a token is measured by; several rows may share one.
  Export exported = {};
  Chart chart = {};
  bool is_logged = true;  // In metrics.jsonl and CSV.
};

// The metric that `statistic` is exported as; its name is empty where it is not.
Metric MetricOf(const Statistic& statistic);

}  // namespace convrec::statistics
