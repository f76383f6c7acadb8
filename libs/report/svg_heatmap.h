// A heatmap, one value per column and row, as inline SVG in the colours of the page's style sheet.
#pragma once

#include <string>
#include <vector>

namespace convrec::report {

// Positive values are drawn in one colour, negative in another, by strength.
struct Heatmap {
  std::string x_label = "step";
  std::string y_label = "rank";
  std::vector<double> xs;                   // One per column; equally wide.
  std::vector<std::vector<double>> values;  // [column][row], row 0 at the top, shown as 1.
};

// An <svg> element with one hover text per cell; "" when there is nothing to draw.
std::string DrawHeatmap(const Heatmap& heatmap);
// A <div> with the colour scale.
std::string DrawScale(const Heatmap& heatmap);

}  // namespace convrec::report
