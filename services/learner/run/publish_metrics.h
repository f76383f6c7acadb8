// Metrics of publication: bytes sent by the learner, and the version each worker samples with.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/telemetry/metrics.h"

namespace convrec::learner {

// Thread-safe.
class PublishMetrics final {
 public:
  // `metrics` must outlive this object.
  explicit PublishMetrics(telemetry::Metrics* metrics);

  void ObserveSent(bool is_delta, uint64_t size_bytes) const;
  void ObserveMismatch() const { mismatches_.Add(); }
  // One series per worker, for the first few hundred workers.
  void ObserveLive(const std::string& worker, int64_t version) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  telemetry::Metrics* const metrics_;
  const telemetry::Counter whole_bytes_, delta_bytes_, mismatches_;
  absl::Mutex mu_;
  std::map<std::string, telemetry::Gauge> live_versions_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::learner
