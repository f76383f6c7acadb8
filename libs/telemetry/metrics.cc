#include "libs/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/version.h"
#include "libs/telemetry/process_metrics.h"

namespace convrec::telemetry {
namespace {

constexpr char kCounter[] = "counter";
constexpr char kGauge[] = "gauge";
constexpr char kHistogram[] = "histogram";

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

std::vector<double> ExponentialBuckets(double start, double factor, int count) {
  CR_CHECK(start > 0 && factor > 1 && count > 0);
  std::vector<double> bounds;
  for (double bound = start; count > 0; --count, bound *= factor) bounds.push_back(bound);
  return bounds;
}

Metrics::Metrics(const std::string& run, const std::string& component)
    : constant_labels_({{"run", run}, {"component", component}}),
      registry_(std::make_unique<prometheus::Registry>()) {
  AddGauge("rl_build_info",
           "Version of the binary, as a label; always 1.",
           {{"version", base::kVersion}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::CheckSeries(const std::string& name, const Labels& labels, Shape shape) {
  CR_CHECK(IsName(name) && name.starts_with("rl_"), absl::StrCat("metric name ", name));
  CR_CHECK(name.ends_with("_total") == (shape.type == kCounter),
           absl::StrCat("counters alone end in _total: ", name));
  CR_CHECK(!shape.help.empty(), absl::StrCat(name, " has no help"));
  CR_CHECK(std::adjacent_find(shape.bounds.begin(), shape.bounds.end(), std::greater_equal<>()) ==
               shape.bounds.end(),
           absl::StrCat("the bounds of ", name, " do not grow"));
  for (const auto& [label, value] : labels) {
    CR_CHECK(IsName(label) && !constant_labels_.contains(label),
             absl::StrCat("label ", label, " of ", name));
    shape.label_names.push_back(label);
  }
  absl::MutexLock lock(&mu_);
  const auto [known, is_new] = shapes_.emplace(name, shape);
  CR_CHECK(is_new || known->second == shape, absl::StrCat(name, " is added in two shapes"));
}

Counter Metrics::AddCounter(const std::string& name,
                            const std::string& help,
                            const Labels& labels) {
  CheckSeries(name, labels, {.type = kCounter, .help = help, .label_names = {}, .bounds = {}});
  return Counter(&prometheus::BuildCounter()
                      .Name(name)
                      .Help(help)
                      .Labels(constant_labels_)
                      .Register(*registry_)
                      .Add(labels));
}

Gauge Metrics::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  CheckSeries(name, labels, {.type = kGauge, .help = help, .label_names = {}, .bounds = {}});
  return Gauge(&prometheus::BuildGauge()
                    .Name(name)
                    .Help(help)
                    .Labels(constant_labels_)
                    .Register(*registry_)
                    .Add(labels));
}

Histogram Metrics::AddHistogram(const std::string& name,
                                const std::string& help,
                                const std::vector<double>& bounds,
                                const Labels& labels) {
  CheckSeries(
      name, labels, {.type = kHistogram, .help = help, .label_names = {}, .bounds = bounds});
  return Histogram(&prometheus::BuildHistogram()
                        .Name(name)
                        .Help(help)
                        .Labels(constant_labels_)
                        .Register(*registry_)
                        .Add(labels, bounds));
}

std::string Metrics::Serialize() const {
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  std::vector<prometheus::MetricFamily> process = CollectProcessMetrics(constant_labels_);
  std::move(process.begin(), process.end(), std::back_inserter(families));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace convrec::telemetry
