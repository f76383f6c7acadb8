// A metric as Prometheus sees it: one row of a table, and the vocabulary for such rows.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "absl/strings/string_view.h"

namespace convrec::statistics {

enum class Kind { kCounter, kGauge, kHistogram };
constexpr std::array<const char*, 3> NamesOf(Kind) { return {"counter", "gauge", "histogram"}; }

// Which process exports it.
enum class Process { kEvery, kLearner, kRollout, kReward, kServe };
constexpr std::array<const char*, 5> NamesOf(Process) {
  return {"every", "learner", "rollout", "reward", "serve"};
}

// How the values of several processes or runs are combined into one line of a dashboard.
enum class Across { kSum, kMean, kMin, kMax };
constexpr std::array<const char*, 4> NamesOf(Across) { return {"sum", "avg", "min", "max"}; }

enum class Unit {
  kNone,   // A plain number: a loss, a ratio, or a count of what the name says.
  kShare,  // In [0, 1].
  kSeconds,
  kTimestamp,  // Seconds since 1970.
  kPerSecond,
  kBytes,
  kVersions,
  kNats,
};
constexpr std::array<const char*, 8> NamesOf(Unit) {
  return {"none", "share", "seconds", "timestamp", "per_second", "bytes", "versions", "nats"};
}

struct Metric {
  absl::string_view name;
  Kind kind = Kind::kGauge;
  Process process = Process::kLearner;
  Unit unit = Unit::kNone;
  Across across = Across::kMean;
  // Names of the labels in order, separated by blanks; "name=a,b" when the set of values is closed.
  // `run` and `component` are on every series and are not listed.
  absl::string_view labels = {};
  std::span<const double> bounds = {};  // For a histogram: ascending upper bounds; +Inf is added.
  absl::string_view help = {};
};

// Upper bounds of a histogram: start, start * factor, ...
template <size_t count>
consteval std::array<double, count> Exponential(double start, double factor) {
  std::array<double, count> bounds{};
  double bound = start;
  for (double& entry : bounds) {
    entry = bound;
    bound *= factor;
  }
  return bounds;
}

}  // namespace convrec::statistics
