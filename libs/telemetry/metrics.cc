#include "libs/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/version.h"
#include "libs/statistics/metric_list.h"
#include "libs/telemetry/process_metrics.h"

namespace convrec::telemetry {
namespace {

using statistics::Kind;
using statistics::Label;
using statistics::LabelsOf;
using statistics::Metric;

// Lower-case words joined by "_"; a colon marks recording rules and may not be in a name.
bool IsName(const std::string& name) {
  return !name.empty() && std::islower(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return std::islower(static_cast<unsigned char>(c)) ||
                  std::isdigit(static_cast<unsigned char>(c)) || c == '_';
         });
}

}  // namespace

void Counter::Add(double by) const {
  CR_CHECK(by >= 0, absl::StrCat("a counter cannot fall by ", -by));
  counter_->Increment(by);
}
double Counter::value() const { return counter_->Value(); }

void Gauge::Set(double value) const { gauge_->Set(value); }
void Gauge::Add(double by) const { gauge_->Increment(by); }
void Gauge::SetToCurrentTime() const { gauge_->SetToCurrentTime(); }
double Gauge::value() const { return gauge_->Value(); }

void Histogram::Observe(double value) const { histogram_->Observe(value); }

Metrics::Metrics(const std::string& run, const std::string& component)
    : constant_labels_({{"run", run}, {"component", component}}),
      registry_(std::make_unique<prometheus::Registry>()) {
  AddGauge("rl_build_info", {{"version", base::kVersion}}).Set(1);
}

Metrics::~Metrics() = default;

void Metrics::CheckSeries(const Metric& metric, const Labels& labels) {
  const std::string name(metric.name);
  CR_CHECK(IsName(name) && name.starts_with("rl_"), absl::StrCat("metric name ", name));
  CR_CHECK(name.ends_with("_total") == (metric.kind == Kind::kCounter),
           absl::StrCat("counters alone end in _total: ", name));
  CR_CHECK(!metric.help.empty(), absl::StrCat(name, " has no help"));
  CR_CHECK(std::adjacent_find(metric.bounds.begin(), metric.bounds.end(), std::greater_equal<>()) ==
               metric.bounds.end(),
           absl::StrCat("the bounds of ", name, " do not grow"));
  const std::vector<Label> declared = LabelsOf(metric);
  CR_CHECK(labels.size() == declared.size(), absl::StrCat("labels of ", name));
  for (const Label& label : declared) {
    CR_CHECK(IsName(label.name) && !constant_labels_.contains(label.name),
             absl::StrCat("label ", label.name, " of ", name));
    const auto given = labels.find(label.name);
    CR_CHECK(given != labels.end(), absl::StrCat(name, " lacks the label ", label.name));
    CR_CHECK(label.values.empty() ||
                 std::count(label.values.begin(), label.values.end(), given->second) == 1,
             absl::StrCat(name, " has no ", label.name, " ", given->second));
  }
  const Shape shape{.kind = metric.kind,
                    .help = std::string(metric.help),
                    .labels = std::string(metric.labels),
                    .bounds = {metric.bounds.begin(), metric.bounds.end()}};
  absl::MutexLock lock(&mu_);
  const auto [known, is_new] = shapes_.emplace(name, shape);
  CR_CHECK(is_new || known->second == shape, absl::StrCat(name, " is added in two shapes"));
}

Counter Metrics::AddCounter(const Metric& metric, const Labels& labels) {
  CR_CHECK(metric.kind == Kind::kCounter, metric.name);
  CheckSeries(metric, labels);
  return Counter(&prometheus::BuildCounter()
                      .Name(std::string(metric.name))
                      .Help(std::string(metric.help))
                      .Labels(constant_labels_)
                      .Register(*registry_)
                      .Add(labels));
}

Gauge Metrics::AddGauge(const Metric& metric, const Labels& labels) {
  CR_CHECK(metric.kind == Kind::kGauge, metric.name);
  CheckSeries(metric, labels);
  return Gauge(&prometheus::BuildGauge()
                    .Name(std::string(metric.name))
                    .Help(std::string(metric.help))
                    .Labels(constant_labels_)
                    .Register(*registry_)
                    .Add(labels));
}

Histogram Metrics::AddHistogram(const Metric& metric, const Labels& labels) {
  CR_CHECK(metric.kind == Kind::kHistogram, metric.name);
  CheckSeries(metric, labels);
  return Histogram(
      &prometheus::BuildHistogram()
           .Name(std::string(metric.name))
           .Help(std::string(metric.help))
           .Labels(constant_labels_)
           .Register(*registry_)
           .Add(labels, std::vector<double>(metric.bounds.begin(), metric.bounds.end())));
}

Counter Metrics::AddCounter(statistics::Named<Kind::kCounter> name, const Labels& labels) {
  return AddCounter(*name.row, labels);
}
Gauge Metrics::AddGauge(statistics::Named<Kind::kGauge> name, const Labels& labels) {
  return AddGauge(*name.row, labels);
}
Histogram Metrics::AddHistogram(statistics::Named<Kind::kHistogram> name, const Labels& labels) {
  return AddHistogram(*name.row, labels);
}

std::string Metrics::Serialize() const {
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  std::vector<prometheus::MetricFamily> process = CollectProcessMetrics(constant_labels_);
  std::move(process.begin(), process.end(), std::back_inserter(families));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace convrec::telemetry
