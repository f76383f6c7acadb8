// The series of a table of statistics, updated by each observed record.
#pragma once

#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include "libs/statistics/values.h"
#include "libs/telemetry/metrics.h"

namespace convrec::telemetry {

// Thread-safe, because its handles are; `metrics` must outlive it.
class TableSeries final {
 public:
  // A statistic by rank has a series for each of `num_ranks` ranks. Statistics of several tables
  // may share a series.
  TableSeries(Metrics* metrics, std::span<const statistics::Statistic> table, int num_ranks);

  // Sets gauges, adds to counters and observes into histograms. Values past `num_ranks` are left
  // out.
  void Observe(const statistics::Record& record) const;

 private:
  struct Row {
    size_t index = 0;                                             // In the table.
    std::vector<std::variant<Counter, Gauge, Histogram>> series;  // One, or one per value.
  };

  const std::span<const statistics::Statistic> table_;
  std::vector<Row> rows_;
};

}  // namespace convrec::telemetry
