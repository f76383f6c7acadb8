// The canvas of all charts: the area, the mapping of values to it, axes and hover texts. Internal
// to this folder.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace convrec::report {

enum class ValueFormat { kNumber, kPercent, kSeconds };

// The drawing area in user units; the page scales it.
inline constexpr double kWidth = 560, kHeight = 240;
inline constexpr double kLeft = 54, kRight = 50, kTop = 12, kBottom = 36;
inline constexpr double kPlotRight = kWidth - kRight, kPlotBottom = kHeight - kBottom;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void Add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool is_empty() const { return low > high; }
};

// Maps values to the drawing area.
struct Frame {
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  double X(double x) const { return kLeft + (x - x_low) / (x_high - x_low) * (kPlotRight - kLeft); }
  double Y(double y) const {
    return kPlotBottom - (y - y_low) / (y_high - y_low) * (kPlotBottom - kTop);
  }
};

std::string ShowValue(double value, ValueFormat format);

// Coordinates need only a tenth of a unit.
std::string Number(double value);
std::string OpenSvg(const std::string& label);
std::string Text(
    double x, double y, const char* anchor, const std::string& text, const char* css = "tick");

// Grid, ticks and the name of the x axis. Steps are integers, so x ticks are too.
std::string DrawAxes(const Frame& frame,
                     const std::vector<double>& y_ticks,
                     ValueFormat format,
                     const std::string& x_label);

// Transparent strips over the plot, each with the values at its x as hover text.
std::string DrawHover(const Frame& frame,
                      const std::vector<double>& xs,
                      const std::function<std::string(size_t)>& text_at);

// Round values that cover [low, high] in about `count` steps; low < high.
std::vector<double> NiceTicks(double low, double high, int count);

}  // namespace convrec::report
