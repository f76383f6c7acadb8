// Line and stacked charts as inline SVG: no script, no network. Colours are classes of the page's
// style sheet, so a chart follows the reader's light or dark mode.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/report/curve.h"
#include "libs/report/svg_canvas.h"

namespace convrec::report {

struct Series {
  std::string name;
  std::string color;          // Class "c1" to "c6".
  std::vector<Point> points;  // In order of x.
  bool has_markers = false;   // A dot per point, for values that were measured only occasionally.
  bool is_background =
      false;  // Drawn faint, without legend or value: the raw data of a smoothed line.
};

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

// Layers are stacked in order, the first at the bottom.
struct StackedChart {
  std::string x_label = "step";
  ValueFormat format = ValueFormat::kSeconds;
  std::vector<double> xs;
  std::vector<Layer> layers;
};

// An <svg> element with one hover text per x; "" when there is nothing to draw.
std::string DrawLineChart(const LineChart& chart);
std::string DrawStackedChart(const StackedChart& chart);

// A <div> that names the colours; "" for fewer than two.
std::string DrawLegend(const std::vector<Series>& series);
std::string DrawLegend(const std::vector<Layer>& layers);

}  // namespace convrec::report
