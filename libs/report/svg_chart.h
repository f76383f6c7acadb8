// Charts as inline SVG: no script, no network. Colours are classes of the page's style sheet, so
// that a chart follows the reader's light or dark mode.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace convrec::report {

struct Point {
  double x = 0;
  double y = 0;  // NaN leaves a gap.
};

struct Series {
  std::string name;
  std::string color;          // Class "c1" to "c6".
  std::vector<Point> points;  // In order of x.
  bool has_markers = false;   // A dot per point, for values that were measured now and then.
  bool is_background =
      false;  // Drawn faint, without legend or value: what a smoothed line was made of.
};

enum class ValueFormat { kNumber, kPercent, kSeconds };

struct ReferenceLine {
  double y = 0;
  std::string label;
};

struct LineChart {
  std::string x_label = "step";
  ValueFormat format = ValueFormat::kNumber;
  std::vector<Series> series;
  std::optional<double> y_min = 0;  // nullopt = from the data.
  std::optional<double> y_max;      // At least this; the data may go above.
  std::optional<ReferenceLine> reference;
};

struct Layer {
  std::string name;
  std::string color;
  std::vector<double> values;  // One per x.
};

// Layers are stacked in their order, the first at the bottom.
struct StackedChart {
  std::string x_label = "step";
  ValueFormat format = ValueFormat::kSeconds;
  std::vector<double> xs;
  std::vector<Layer> layers;
};

// Positive values are drawn in one colour, negative in another, by strength.
struct Heatmap {
  std::string x_label = "step";
  std::string y_label = "rank";
  std::vector<double> xs;                   // One per column; equally wide.
  std::vector<std::vector<double>> values;  // [column][row], row 0 at the top, shown as 1.
};

// An <svg> element with a hover text per x; "" when there is nothing to draw.
std::string DrawLineChart(const LineChart& chart);
std::string DrawStackedChart(const StackedChart& chart);
std::string DrawHeatmap(const Heatmap& heatmap);

// A <div> that names the colours; "" for fewer than two.
std::string DrawLegend(const std::vector<Series>& series);
std::string DrawLegend(const std::vector<Layer>& layers);
// The scale of a heatmap.
std::string DrawScale(const Heatmap& heatmap);

// Centred moving average over `window` points (odd); the ends use what is there. NaN is left out.
std::vector<Point> Smoothed(const std::vector<Point>& points, size_t window);
// At most `limit` points, each the mean of a run of neighbours.
std::vector<Point> Thinned(const std::vector<Point>& points, size_t limit);

// Round values that cover [low, high] in about `count` steps; low < high.
std::vector<double> NiceTicks(double low, double high, int count);

}  // namespace convrec::report
