#include "libs/report/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

// The drawing area in user units; the page scales it.
constexpr double kWidth = 560, kHeight = 240;
constexpr double kLeft = 54, kRight = 50, kTop = 12, kBottom = 36;
constexpr double kPlotRight = kWidth - kRight, kPlotBottom = kHeight - kBottom;
constexpr size_t kMaxHoverStrips = 150;
constexpr double kLabelHeight = 13;

std::string Show(double value, ValueFormat format) {
  switch (format) {
    case ValueFormat::kPercent:
      return Percent(value, std::fabs(value) < 0.0995 ? 1 : 0);
    case ValueFormat::kSeconds:
      return absl::StrCat(Compact(value), " s");
    case ValueFormat::kNumber:
      return Compact(value);
  }
  return "";
}

// A tick needs as many digits as the distance to the next one.
std::string ShowTick(double value, double distance, ValueFormat format) {
  const bool is_percent = format == ValueFormat::kPercent;
  const double unit = is_percent ? 100 : 1;
  const double scaled = std::fabs(distance * unit);
  if (scaled >= 1000) return Count(value * unit);
  if (scaled < 9e-4) return absl::StrCat(Compact(value * unit), is_percent ? " %" : "");
  const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(scaled) - 1e-9)));
  // 2.5 and 0.25 need one digit more than their power of ten says.
  const double shifted = scaled * std::pow(10, digits);
  const bool is_whole = std::fabs(shifted - std::round(shifted)) < 1e-6;
  return absl::StrCat(Fixed(value * unit, is_whole ? digits : digits + 1), is_percent ? " %" : "");
}

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

std::string Number(double value) {
  std::string text = absl::StrFormat("%.1f", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string Text(
    double x, double y, const char* anchor, const std::string& text, const char* css = "tick") {
  return absl::StrCat("<text class=\"",
                      css,
                      "\" x=\"",
                      Number(x),
                      "\" y=\"",
                      Number(y),
                      "\" text-anchor=\"",
                      anchor,
                      "\">",
                      EscapeHtml(text),
                      "</text>");
}

std::string Open(const std::string& label) {
  return absl::StrCat("<svg viewBox=\"0 0 ",
                      kWidth,
                      " ",
                      kHeight,
                      "\" role=\"img\" aria-label=\"",
                      EscapeHtml(label),
                      "\">");
}

// Grid, ticks and the name of the x axis. Steps are integers, so x ticks are too.
std::string DrawAxes(const Frame& frame,
                     const std::vector<double>& y_ticks,
                     ValueFormat format,
                     const std::string& x_label) {
  std::string svg;
  const double distance = y_ticks.size() > 1 ? y_ticks[1] - y_ticks[0] : 1;
  for (const double tick : y_ticks) {
    const std::string y = Number(frame.Y(tick));
    absl::StrAppend(&svg,
                    "<path class=\"",
                    std::fabs(tick) < 1e-12 ? "axis" : "grid",
                    "\" d=\"M",
                    kLeft,
                    " ",
                    y,
                    "H",
                    kPlotRight,
                    "\"/>",
                    Text(kLeft - 7, frame.Y(tick) + 3.5, "end", ShowTick(tick, distance, format)));
  }
  const std::vector<double> x_ticks = NiceTicks(frame.x_low, frame.x_high, 6);
  const double x_distance = x_ticks.size() > 1 ? x_ticks[1] - x_ticks[0] : 1;
  for (const double tick : x_ticks) {
    if (tick < frame.x_low - 1e-9 || tick > frame.x_high + 1e-9 ||
        std::fabs(tick - std::round(tick)) > 1e-9)
      continue;
    absl::StrAppend(&svg,
                    Text(frame.X(tick),
                         kPlotBottom + 15,
                         "middle",
                         ShowTick(tick, std::max(1.0, x_distance), ValueFormat::kNumber)));
  }
  absl::StrAppend(&svg, Text((kLeft + kPlotRight) / 2, kHeight - 5, "middle", x_label));
  return svg;
}

// Transparent strips over the plot, each with the values at its x as the browser's hover text.
std::string DrawHover(const Frame& frame,
                      const std::vector<double>& xs,
                      double top,
                      double bottom,
                      const std::function<std::string(size_t)>& text_at) {
  std::string svg;
  const size_t stride = std::max<size_t>(1, (xs.size() + kMaxHoverStrips - 1) / kMaxHoverStrips);
  for (size_t i = 0; i < xs.size(); i += stride) {
    const double x = frame.X(xs[i]);
    const double left = i == 0 ? kLeft : (frame.X(xs[i - stride]) + x) / 2;
    const double right = i + stride < xs.size() ? (x + frame.X(xs[i + stride])) / 2 : kPlotRight;
    if (right <= left) continue;
    absl::StrAppend(&svg,
                    "<g class=\"hit\"><rect x=\"",
                    Number(left),
                    "\" y=\"",
                    Number(top),
                    "\" width=\"",
                    Number(right - left),
                    "\" height=\"",
                    Number(bottom - top),
                    "\"/><path d=\"M",
                    Number(x),
                    " ",
                    Number(top),
                    "V",
                    Number(bottom),
                    "\"/><title>",
                    EscapeHtml(text_at(i)),
                    "</title></g>");
  }
  return svg;
}

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
    labels->push_back({frame.Y(last->y), Show(last->y, format)});
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
    absl::StrAppend(&text, "\n", series.name, " ", Show(it->y, chart.format));
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

}  // namespace

std::vector<double> NiceTicks(double low, double high, int count) {
  CR_CHECK(low < high && count > 0);
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= rough * 0.999) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::floor(low / step + 1e-9);
  for (double i = first;; ++i) {
    ticks.push_back(i * step);
    if (i * step >= high - step * 1e-6) break;
  }
  return ticks;
}

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

std::string DrawLineChart(const LineChart& chart) {
  Range x_range, y_range;
  std::map<double, bool> all_xs;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (!std::isfinite(point.y)) continue;
      x_range.Add(point.x);
      y_range.Add(point.y);
      all_xs[point.x] = true;
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

  std::string svg = Open(absl::StrCat(chart.series.front().name, " over ", chart.x_label));
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
  std::vector<double> xs;
  for (const auto& [x, unused] : all_xs) xs.push_back(x);
  absl::StrAppend(&svg, DrawHover(frame, xs, kTop, kPlotBottom, [&](size_t i) {
    return HoverText(chart, xs[i]);
  }));
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

  std::string svg = Open(absl::StrCat("stacked over ", chart.x_label));
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
                       Show(base.back(), chart.format),
                       "value"));
  absl::StrAppend(&svg, DrawHover(frame, chart.xs, kTop, kPlotBottom, [&](size_t i) {
    std::string text = absl::StrCat(chart.x_label, " ", Compact(chart.xs[i]));
    for (auto layer = chart.layers.rbegin(); layer != chart.layers.rend(); ++layer) {
      absl::StrAppend(&text, "\n", layer->name, " ", Show(layer->values[i], chart.format));
    }
    return text;
  }));
  return svg + "</svg>";
}

std::string DrawHeatmap(const Heatmap& heatmap) {
  size_t num_rows = 0;
  for (const std::vector<double>& column : heatmap.values)
    num_rows = std::max(num_rows, column.size());
  if (num_rows == 0 || heatmap.xs.size() != heatmap.values.size()) return "";
  const double strongest = std::max(1e-12, Strongest(heatmap));
  const double num_columns = static_cast<double>(heatmap.xs.size());
  const double right = kWidth - 12;
  const double cell_width = (right - kLeft) / num_columns;
  const double cell_height = (kPlotBottom - kTop) / static_cast<double>(num_rows);
  const double gap = std::min({1.0, cell_width / 8, cell_height / 8});

  std::string svg = Open(absl::StrCat("by ", heatmap.y_label, " over ", heatmap.x_label));
  for (size_t c = 0; c < heatmap.values.size(); ++c) {
    for (size_t r = 0; r < heatmap.values[c].size(); ++r) {
      const double value = heatmap.values[c][r];
      if (!std::isfinite(value)) continue;
      const double strength = 0.04 + 0.96 * std::fabs(value) / strongest;
      absl::StrAppend(&svg,
                      "<rect class=\"heat",
                      value < 0 ? " negative" : "",
                      "\" x=\"",
                      absl::StrFormat("%.2f", kLeft + static_cast<double>(c) * cell_width),
                      "\" y=\"",
                      absl::StrFormat("%.2f", kTop + static_cast<double>(r) * cell_height),
                      "\" width=\"",
                      absl::StrFormat("%.2f", cell_width - gap),
                      "\" height=\"",
                      absl::StrFormat("%.2f", cell_height - gap),
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
  const size_t row_stride = std::max<size_t>(1, (num_rows + 19) / 20);
  for (size_t r = 0; r < num_rows; r += row_stride) {
    const bool is_shown = num_rows <= 10 || r == 0 || (r + 1) % (5 * row_stride) == 0;
    if (!is_shown) continue;
    absl::StrAppend(&svg,
                    Text(kLeft - 7,
                         kTop + (static_cast<double>(r) + 0.5) * cell_height + 3.5,
                         "end",
                         absl::StrCat(r + 1)));
  }
  const size_t column_stride = std::max<size_t>(1, (heatmap.xs.size() + 5) / 6);
  for (size_t c = 0; c < heatmap.xs.size(); c += column_stride) {
    absl::StrAppend(&svg,
                    Text(kLeft + (static_cast<double>(c) + 0.5) * cell_width,
                         kPlotBottom + 15,
                         "middle",
                         Compact(heatmap.xs[c])));
  }
  absl::StrAppend(&svg,
                  Text((kLeft + right) / 2, kHeight - 5, "middle", heatmap.x_label),
                  "<text class=\"tick\" text-anchor=\"middle\" transform=\"translate(13 ",
                  Number((kTop + kPlotBottom) / 2),
                  ") rotate(-90)\">",
                  EscapeHtml(heatmap.y_label),
                  "</text>");
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
