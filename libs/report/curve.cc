#include "libs/report/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace convrec::report {
namespace {

// Mean of the finite values in [begin, end); NaN when there is none.
double MeanY(const std::vector<Point>& points, size_t begin, size_t end) {
  double sum = 0;
  int n = 0;
  for (size_t i = begin; i < end; ++i) {
    if (!std::isfinite(points[i].y)) continue;
    sum += points[i].y;
    ++n;
  }
  return n > 0 ? sum / n : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::vector<Point> Smoothed(const std::vector<Point>& points, size_t window) {
  std::vector<Point> out(points.size());
  const size_t half = window / 2;
  for (size_t i = 0; i < points.size(); ++i) {
    const size_t begin = i - std::min(i, half);
    const size_t end = std::min(points.size(), i + half + 1);
    out[i] = {points[i].x, MeanY(points, begin, end)};
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
    out.push_back({points[end - 1].x, MeanY(points, begin, end)});
  }
  return out;
}

}  // namespace convrec::report
