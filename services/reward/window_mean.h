// Mean of the last values, for gauges. Not thread-safe.
#pragma once

#include <cstddef>
#include <numeric>
#include <vector>

namespace convrec::reward {

class WindowMean final {
 public:
  explicit WindowMean(size_t size) : size_(size) {}

  void Add(double value) {
    if (values_.size() < size_) {
      values_.push_back(value);
    } else {
      values_[next_] = value;
    }
    next_ = (next_ + 1) % size_;
  }

  // 0 before the first value. Sums anew, so that no rounding error accumulates.
  double mean() const {
    if (values_.empty()) return 0;
    return std::accumulate(values_.begin(), values_.end(), 0.0) /
           static_cast<double>(values_.size());
  }

 private:
  const size_t size_;
  size_t next_ = 0;
  std::vector<double> values_;
};

}  // namespace convrec::reward
