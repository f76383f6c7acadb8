#include "libs/report/svg_heatmap.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/report/format.h"
#include "libs/report/svg_canvas.h"

namespace convrec::report {
namespace {

double Strongest(const Heatmap& heatmap) {
  double strongest = 0;
  for (const std::vector<double>& column : heatmap.values) {
    for (const double value : column) {
      if (std::isfinite(value)) strongest = std::max(strongest, std::fabs(value));
    }
  }
  return strongest;
}

bool HasNegative(const Heatmap& heatmap) {
  for (const std::vector<double>& column : heatmap.values) {
    for (const double value : column) {
      if (value < 0) return true;
    }
  }
  return false;
}

// The positions of a heatmap's cells.
struct Grid {
  size_t num_rows = 0;
  double cell_width = 0;
  double cell_height = 0;

  double X(double column) const { return kLeft + column * cell_width; }
  double Y(double row) const { return kTop + row * cell_height; }
};

constexpr double kGridRight = kWidth - 12;

void AppendCells(const Heatmap& heatmap, const Grid& grid, std::string* svg) {
  const double strongest = std::max(1e-12, Strongest(heatmap));
  const double gap = std::min({1.0, grid.cell_width / 8, grid.cell_height / 8});
  for (size_t c = 0; c < heatmap.values.size(); ++c) {
    for (size_t r = 0; r < heatmap.values[c].size(); ++r) {
      const double value = heatmap.values[c][r];
      if (!std::isfinite(value)) continue;
      const double strength = 0.04 + 0.96 * std::fabs(value) / strongest;
      absl::StrAppend(svg,
                      "<rect class=\"heat",
                      value < 0 ? " negative" : "",
                      "\" x=\"",
                      absl::StrFormat("%.2f", grid.X(static_cast<double>(c))),
                      "\" y=\"",
                      absl::StrFormat("%.2f", grid.Y(static_cast<double>(r))),
                      "\" width=\"",
                      absl::StrFormat("%.2f", grid.cell_width - gap),
                      "\" height=\"",
                      absl::StrFormat("%.2f", grid.cell_height - gap),
                      "\" fill-opacity=\"",
                      absl::StrFormat("%.2f", strength),
                      "\"><title>",
                      EscapeHtml(heatmap.x_label),
                      " ",
                      Compact(heatmap.xs[c]),
                      ", ",
                      EscapeHtml(heatmap.y_label),
                      " ",
                      r + 1,
                      ": ",
                      Compact(value),
                      "</title></rect>");
    }
  }
}

void AppendTicks(const Heatmap& heatmap, const Grid& grid, std::string* svg) {
  const size_t row_stride = std::max<size_t>(1, (grid.num_rows + 19) / 20);
  for (size_t r = 0; r < grid.num_rows; r += row_stride) {
    const bool is_shown = grid.num_rows <= 10 || r == 0 || (r + 1) % (5 * row_stride) == 0;
    if (!is_shown) continue;
    const double y = grid.Y(static_cast<double>(r) + 0.5) + 3.5;
    absl::StrAppend(svg, Text(kLeft - 7, y, "end", absl::StrCat(r + 1)));
  }
  const size_t column_stride = std::max<size_t>(1, (heatmap.xs.size() + 5) / 6);
  for (size_t c = 0; c < heatmap.xs.size(); c += column_stride) {
    const double x = grid.X(static_cast<double>(c) + 0.5);
    absl::StrAppend(svg, Text(x, kPlotBottom + 15, "middle", Compact(heatmap.xs[c])));
  }
}

}  // namespace

std::string DrawHeatmap(const Heatmap& heatmap) {
  Grid grid;
  for (const std::vector<double>& column : heatmap.values)
    grid.num_rows = std::max(grid.num_rows, column.size());
  if (grid.num_rows == 0 || heatmap.xs.size() != heatmap.values.size()) return "";
  grid.cell_width = (kGridRight - kLeft) / static_cast<double>(heatmap.xs.size());
  grid.cell_height = (kPlotBottom - kTop) / static_cast<double>(grid.num_rows);

  std::string svg = OpenSvg(absl::StrCat("by ", heatmap.y_label, " over ", heatmap.x_label));
  AppendCells(heatmap, grid, &svg);
  AppendTicks(heatmap, grid, &svg);
  absl::StrAppend(&svg,
                  Text((kLeft + kGridRight) / 2, kHeight - 5, "middle", heatmap.x_label),
                  "<text class=\"tick\" text-anchor=\"middle\" transform=\"translate(13 ",
                  Number((kTop + kPlotBottom) / 2),
                  ") rotate(-90)\">",
                  EscapeHtml(heatmap.y_label),
                  "</text>");
  return svg + "</svg>";
}

std::string DrawScale(const Heatmap& heatmap) {
  const double strongest = Strongest(heatmap);
  const bool has_negative = HasNegative(heatmap);
  std::string html =
      absl::StrCat("<div class=\"legend\"><span>", has_negative ? Compact(-strongest) : "0", " ");
  for (int i = has_negative ? -4 : 0; i <= 4; ++i) {
    absl::StrAppend(&html,
                    "<b class=\"",
                    i < 0 ? "negative" : "positive",
                    "\" style=\"opacity:",
                    absl::StrFormat("%.2f", 0.04 + 0.24 * std::abs(i)),
                    "\"></b>");
  }
  return absl::StrCat(html, " ", Compact(strongest), "</span></div>");
}

}  // namespace convrec::report
