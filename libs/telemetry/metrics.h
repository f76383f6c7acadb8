// The metrics of one process.
//
// Every series carries the constant labels `run` and `component`. Names follow Prometheus' rules
// and ours: rl_<part>_..., base units, counters end in _total, no colon; a breach is our bug and
// dies.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

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

// Bucket bounds: start, start * factor, ...; start > 0, factor > 1, count > 0.
std::vector<double> ExponentialBuckets(double start, double factor, int count);

// Thread-safe. Also exports rl_build_info and process_*.
class Metrics final {
 public:
  // `component` is "learner", "rollout" or "reward".
  Metrics(const std::string& run, const std::string& component);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same series. A series exists, with value 0, from this call
  // on. All series of one name have the same type, help and label names (and buckets).
  Counter AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `bounds` are upper bounds, growing; +Inf is added.
  Histogram AddHistogram(const std::string& name,
                         const std::string& help,
                         const std::vector<double>& bounds,
                         const Labels& labels = {});

  // All series in the Prometheus text format 0.0.4.
  std::string Serialize() const;

 private:
  // What all series of one name share.
  struct Shape {
    std::string type;
    std::string help;
    std::vector<std::string> label_names;
    std::vector<double> bounds;
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  void CheckSeries(const std::string& name, const Labels& labels, Shape shape)
      ABSL_LOCKS_EXCLUDED(mu_);

  const Labels constant_labels_;
  const std::unique_ptr<prometheus::Registry> registry_;
  absl::Mutex mu_;
  std::map<std::string, Shape> shapes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::telemetry
