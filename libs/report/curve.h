// Smooths and thins the points of a curve.
#pragma once

#include <cstddef>
#include <vector>

namespace convrec::report {

struct Point {
  double x = 0;
  double y = 0;  // NaN leaves a gap.
};

// Centred moving average over `window` points (odd); the ends use the points there are. NaN is left
// out.
std::vector<Point> Smoothed(const std::vector<Point>& points, size_t window);
// At most `limit` points, each the mean of a run of neighbouring points.
std::vector<Point> Thinned(const std::vector<Point>& points, size_t limit);

}  // namespace convrec::report
