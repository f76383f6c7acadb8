// Points of a curve, made smooth or few.
#pragma once

#include <cstddef>
#include <vector>

namespace convrec::report {

struct Point {
  double x = 0;
  double y = 0;  // NaN leaves a gap.
};

// Centred moving average over `window` points (odd); the ends use what is there. NaN is left out.
std::vector<Point> Smoothed(const std::vector<Point>& points, size_t window);
// At most `limit` points, each the mean of a run of neighbours.
std::vector<Point> Thinned(const std::vector<Point>& points, size_t limit);

}  // namespace convrec::report
