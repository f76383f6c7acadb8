#include "libs/telemetry/table_series.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::telemetry {
namespace {

using statistics::Kind;
using statistics::Shape;
using statistics::Statistic;

// The labels of each series of a row.
std::vector<Labels> SeriesOf(const Statistic& statistic, int num_ranks) {
  if (statistic.exported.family != nullptr) {
    if (statistic.exported.label.empty()) return {{}};
    return {{{std::string(statistic.exported.label), std::string(statistic.exported.value)}}};
  }
  std::vector<Labels> series;
  if (statistic.shape == Shape::kByRank) {
    for (int rank = 1; rank <= num_ranks; ++rank)
      series.push_back({{"position", absl::StrCat(rank)}});
  } else if (statistic.shape == Shape::kAtCutoffs) {
    for (const int k : domain::kCutoffs) series.push_back({{"k", absl::StrCat(k)}});
  } else {
    series.push_back({});
  }
  return series;
}

struct Observer {
  double value;
  void operator()(const Counter& counter) const { counter.Add(value); }
  void operator()(const Gauge& gauge) const { gauge.Set(value); }
  void operator()(const Histogram& histogram) const { histogram.Observe(value); }
};

}  // namespace

TableSeries::TableSeries(Metrics* metrics, std::span<const Statistic> table, int num_ranks)
    : table_(table) {
  for (size_t index = 0; index < table.size(); ++index) {
    const statistics::Metric metric = statistics::MetricOf(table[index]);
    if (metric.name.empty()) continue;
    Row row{index, {}};
    for (const Labels& labels : SeriesOf(table[index], num_ranks)) {
      switch (metric.kind) {
        case Kind::kCounter:
          row.series.emplace_back(metrics->AddCounter(metric, labels));
          break;
        case Kind::kGauge:
          row.series.emplace_back(metrics->AddGauge(metric, labels));
          break;
        case Kind::kHistogram:
          row.series.emplace_back(metrics->AddHistogram(metric, labels));
          break;
      }
    }
    rows_.push_back(std::move(row));
  }
}

void TableSeries::Observe(const statistics::Record& record) const {
  CR_CHECK(record.rows().data() == table_.data());
  for (const Row& row : rows_) {
    const std::span<const double> values = record.at(row.index);
    if (table_[row.index].shape == Shape::kSamples) {
      for (const double value : values) std::visit(Observer{value}, row.series.front());
      continue;
    }
    for (size_t i = 0; i < std::min(values.size(), row.series.size()); ++i)
      std::visit(Observer{values[i]}, row.series[i]);
  }
}

}  // namespace convrec::telemetry
