#include "libs/report/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace convrec::report {

std::vector<Point> Smoothed(const std::vector<Point>& points, size_t window) {
  std::vector<Point> out(points.size());
  const size_t half = window / 2;
  for (size_t i = 0; i < points.size(); ++i) {
    const size_t begin = i - std::min(i, half);
    const size_t end = std::min(points.size(), i + half + 1);
    double sum = 0;
    int n = 0;
    for (size_t j = begin; j < end; ++j) {
      if (!std::isfinite(points[j].y)) continue;
      sum += points[j].y;
      ++n;
    }
    out[i] = {points[i].x, n > 0 ? sum / n : std::numeric_limits<double>::quiet_NaN()};
  }
  return out;
}

std::vector<Point> Thinned(const std::vector<Point>& points, size_t limit) {
  if (points.size() <= limit || limit == 0) return points;
  std::vector<Point> out;
  out.reserve(limit);
  for (size_t bucket = 0; bucket < limit; ++bucket) {
    const size_t begin = bucket * points.size() / limit;
    const size_t end = (bucket + 1) * points.size() / limit;
    double sum = 0;
    int n = 0;
    for (size_t i = begin; i < end; ++i) {
      if (!std::isfinite(points[i].y)) continue;
      sum += points[i].y;
      ++n;
    }
    out.push_back({points[end - 1].x, n > 0 ? sum / n : std::numeric_limits<double>::quiet_NaN()});
  }
  return out;
}

}  // namespace convrec::report
