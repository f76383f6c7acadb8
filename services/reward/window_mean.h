// Mean of the most recent values, for gauges. Not thread-safe.
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
      sum_ += value;
    } else {
      sum_ += value - values_[next_];
      values_[next_] = value;
    }
    if (++next_ < size_) return;
    next_ = 0;
    // Limits the accumulation of rounding errors.
    sum_ = std::accumulate(values_.begin(), values_.end(), 0.0);
  }

  // 0 before the first value.
  double mean() const { return values_.empty() ? 0 : sum_ / static_cast<double>(values_.size()); }

 private:
  const size_t size_;
  size_t next_ = 0;
  double sum_ = 0;
  std::vector<double> values_;
};

}  // namespace convrec::reward
