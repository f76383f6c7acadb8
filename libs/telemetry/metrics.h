// The metrics of one process.
//
// Names, help texts and labels are defined in the tables of libs/statistics. Every series also
// carries the constant labels `run` and `component`. Names follow Prometheus' rules and ours:
// rl_<part>_..., base units, counters end in _total, no colon. A violation is our bug and aborts
// the process, as does a label that the row does not have.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/statistics/process_table.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace convrec::telemetry {

// Handles are small, copyable, thread-safe, never block and live as long as their Metrics.
class Counter final {
 public:
  explicit Counter(prometheus::Counter* counter) : counter_(counter) {}
  void Add(double by = 1) const;  // by >= 0.
  double value() const;

 private:
  prometheus::Counter* counter_;
};

class Gauge final {
 public:
  explicit Gauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  void Set(double value) const;
  void Add(double by) const;
  void SetToCurrentTime() const;  // Seconds since 1970.
  double value() const;

 private:
  prometheus::Gauge* gauge_;
};

class Histogram final {
 public:
  explicit Histogram(prometheus::Histogram* histogram) : histogram_(histogram) {}
  void Observe(double value) const;

 private:
  prometheus::Histogram* histogram_;
};

using Labels = std::map<std::string, std::string>;

// Thread-safe. Also exports rl_build_info and process_*.
class Metrics final {
 public:
  // `component` is "learner", "rollout", "reward" or "serve".
  Metrics(const std::string& run, const std::string& component);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same series. A series exists, with value 0, from this call
  // on. All series of one name have the same row.
  Counter AddCounter(const statistics::Metric& metric, const Labels& labels = {});
  Gauge AddGauge(const statistics::Metric& metric, const Labels& labels = {});
  Histogram AddHistogram(const statistics::Metric& metric, const Labels& labels = {});

  // By a name in the process table.
  Counter AddCounter(statistics::Named<statistics::Kind::kCounter> name, const Labels& labels = {});
  Gauge AddGauge(statistics::Named<statistics::Kind::kGauge> name, const Labels& labels = {});
  Histogram AddHistogram(statistics::Named<statistics::Kind::kHistogram> name,
                         const Labels& labels = {});

  // All series in the Prometheus text format 0.0.4.
  std::string Serialize() const;

 private:
  // What all series of one name share.
  struct Shape {
    statistics::Kind kind;
    std::string help;
    std::string labels;
    std::vector<double> bounds;
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  void CheckSeries(const statistics::Metric& metric, const Labels& labels) ABSL_LOCKS_EXCLUDED(mu_);

  const Labels constant_labels_;
  const std::unique_ptr<prometheus::Registry> registry_;
  absl::Mutex mu_;
  std::map<std::string, Shape> shapes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::telemetry
