#include "libs/report/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

constexpr double kLabelHeight = 13;

std::string LinePath(const Frame& frame, const std::vector<Point>& points) {
  std::string path;
  bool is_down = false;
  for (const Point& point : points) {
    if (!std::isfinite(point.y)) {
      is_down = false;
      continue;
    }
    absl::StrAppend(
        &path, is_down ? "L" : "M", Number(frame.X(point.x)), " ", Number(frame.Y(point.y)));
    is_down = true;
  }
  return path;
}

struct EndLabel {
  double y = 0;
  std::string text;
};

// Moves labels apart until none overlaps, keeping their order.
void SpreadLabels(std::vector<EndLabel>* labels) {
  std::sort(labels->begin(), labels->end(), [](const EndLabel& a, const EndLabel& b) {
    return a.y < b.y;
  });
  for (size_t i = 1; i < labels->size(); ++i) {
    (*labels)[i].y = std::max((*labels)[i].y, (*labels)[i - 1].y + kLabelHeight);
  }
  if (labels->empty() || labels->back().y <= kPlotBottom) return;
  labels->back().y = kPlotBottom;
  for (size_t i = labels->size() - 1; i > 0; --i) {
    (*labels)[i - 1].y = std::min((*labels)[i - 1].y, (*labels)[i].y - kLabelHeight);
  }
}

const Point* LastFinite(const std::vector<Point>& points) {
  for (auto it = points.rbegin(); it != points.rend(); ++it) {
    if (std::isfinite(it->y)) return &*it;
  }
  return nullptr;
}

std::string DrawSeries(const Frame& frame,
                       const Series& series,
                       ValueFormat format,
                       std::vector<EndLabel>* labels) {
  std::string svg = absl::StrCat("<path class=\"line ",
                                 series.color,
                                 series.is_background ? " faint" : "",
                                 "\" d=\"",
                                 LinePath(frame, series.points),
                                 "\"/>");
  if (series.is_background) return svg;
  if (series.has_markers) {
    for (const Point& point : series.points) {
      if (!std::isfinite(point.y)) continue;
      absl::StrAppend(&svg,
                      "<circle class=\"dot ",
                      series.color,
                      "\" cx=\"",
                      Number(frame.X(point.x)),
                      "\" cy=\"",
                      Number(frame.Y(point.y)),
                      "\" r=\"3.5\"/>");
    }
  }
  if (const Point* last = LastFinite(series.points)) {
    absl::StrAppend(&svg,
                    "<circle class=\"dot ",
                    series.color,
                    "\" cx=\"",
                    Number(frame.X(last->x)),
                    "\" cy=\"",
                    Number(frame.Y(last->y)),
                    "\" r=\"3.5\"/>");
    labels->push_back({frame.Y(last->y), ShowValue(last->y, format)});
  }
  return svg;
}

std::string HoverText(const LineChart& chart, double x) {
  std::string text = absl::StrCat(chart.x_label, " ", Compact(x));
  for (const Series& series : chart.series) {
    const auto it = std::find_if(series.points.begin(),
                                 series.points.end(),
                                 [x](const Point& point) { return point.x == x; });
    if (it == series.points.end() || !std::isfinite(it->y)) continue;
    absl::StrAppend(&text, "\n", series.name, " ", ShowValue(it->y, chart.format));
  }
  return text;
}

void WidenX(double* low, double* high) {
  if (*high > *low) return;
  *low -= 1;
  *high += 1;
}

struct LegendEntry {
  std::string name;
  std::string color;
};

std::string DrawEntries(const std::vector<LegendEntry>& entries) {
  if (entries.size() < 2) return "";
  std::string html = "<div class=\"legend\">";
  for (const LegendEntry& entry : entries) {
    absl::StrAppend(
        &html, "<span><i class=\"", entry.color, "\"></i>", EscapeHtml(entry.name), "</span>");
  }
  return html + "</div>";
}

}  // namespace

std::string DrawLineChart(const LineChart& chart) {
  Range x_range, y_range;
  std::set<double> all_xs;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (!std::isfinite(point.y)) continue;
      x_range.Add(point.x);
      y_range.Add(point.y);
      all_xs.insert(point.x);
    }
  }
  if (x_range.is_empty()) return "";
  if (chart.y_min) y_range.Add(*chart.y_min);
  if (chart.y_max) y_range.Add(*chart.y_max);
  if (chart.reference) y_range.Add(chart.reference->y);
  if (y_range.high - y_range.low < 1e-12)
    y_range.high = y_range.low + std::max(0.1, std::fabs(y_range.low));
  const std::vector<double> y_ticks = NiceTicks(y_range.low, y_range.high, 4);
  Frame frame{x_range.low, x_range.high, y_ticks.front(), y_ticks.back()};
  WidenX(&frame.x_low, &frame.x_high);

  std::string svg = OpenSvg(absl::StrCat(chart.series.front().name, " over ", chart.x_label));
  absl::StrAppend(&svg, DrawAxes(frame, y_ticks, chart.format, chart.x_label));
  if (chart.reference) {
    const double y = frame.Y(chart.reference->y);
    absl::StrAppend(&svg,
                    "<path class=\"reference\" d=\"M",
                    kLeft,
                    " ",
                    Number(y),
                    "H",
                    kPlotRight,
                    "\"/>",
                    Text(kLeft + 6, y - 5, "start", chart.reference->label));
  }
  std::vector<EndLabel> labels;
  for (const Series& series : chart.series)
    absl::StrAppend(&svg, DrawSeries(frame, series, chart.format, &labels));
  SpreadLabels(&labels);
  for (const EndLabel& label : labels) {
    absl::StrAppend(&svg, Text(kPlotRight + 8, label.y + 4, "start", label.text, "value"));
  }
  const std::vector<double> xs(all_xs.begin(), all_xs.end());
  absl::StrAppend(&svg, DrawHover(frame, xs, [&](size_t i) { return HoverText(chart, xs[i]); }));
  return svg + "</svg>";
}

std::string DrawStackedChart(const StackedChart& chart) {
  if (chart.xs.empty() || chart.layers.empty()) return "";
  std::vector<double> base(chart.xs.size(), 0.0);
  double highest = 0;
  for (size_t i = 0; i < chart.xs.size(); ++i) {
    double sum = 0;
    for (const Layer& layer : chart.layers) sum += std::max(0.0, layer.values[i]);
    if (std::isfinite(sum)) highest = std::max(highest, sum);
  }
  if (!(highest > 0)) return "";
  const std::vector<double> y_ticks = NiceTicks(0, highest, 4);
  Frame frame{chart.xs.front(), chart.xs.back(), 0, y_ticks.back()};
  WidenX(&frame.x_low, &frame.x_high);

  std::string svg = OpenSvg(absl::StrCat("stacked over ", chart.x_label));
  absl::StrAppend(&svg, DrawAxes(frame, y_ticks, chart.format, chart.x_label));
  for (const Layer& layer : chart.layers) {
    std::string upper, lower;
    for (size_t i = 0; i < chart.xs.size(); ++i) {
      const double value = std::isfinite(layer.values[i]) ? std::max(0.0, layer.values[i]) : 0.0;
      const std::string x = Number(frame.X(chart.xs[i]));
      lower.insert(0, absl::StrCat("L", x, " ", Number(frame.Y(base[i]))));
      base[i] += value;
      absl::StrAppend(&upper, i == 0 ? "M" : "L", x, " ", Number(frame.Y(base[i])));
    }
    absl::StrAppend(&svg, "<path class=\"area ", layer.color, "\" d=\"", upper, lower, "Z\"/>");
  }
  absl::StrAppend(&svg,
                  Text(kPlotRight + 8,
                       frame.Y(base.back()) + 4,
                       "start",
                       ShowValue(base.back(), chart.format),
                       "value"));
  absl::StrAppend(&svg, DrawHover(frame, chart.xs, [&](size_t i) {
    std::string text = absl::StrCat(chart.x_label, " ", Compact(chart.xs[i]));
    for (auto layer = chart.layers.rbegin(); layer != chart.layers.rend(); ++layer) {
      absl::StrAppend(&text, "\n", layer->name, " ", ShowValue(layer->values[i], chart.format));
    }
    return text;
  }));
  return svg + "</svg>";
}

std::string DrawLegend(const std::vector<Series>& series) {
  std::vector<LegendEntry> entries;
  for (const Series& one : series) {
    if (!one.is_background) entries.push_back({one.name, one.color});
  }
  return DrawEntries(entries);
}

std::string DrawLegend(const std::vector<Layer>& layers) {
  std::vector<LegendEntry> entries;
  for (const Layer& layer : layers) entries.push_back({layer.name, layer.color});
  return DrawEntries(entries);
}

}  // namespace convrec::report
