#include "libs/report/svg_canvas.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"
#include "libs/report/format.h"

namespace convrec::report {
namespace {

constexpr size_t kMaxHoverStrips = 150;

// A tick needs as many digits as the distance to the next one.
std::string ShowTick(double value, double distance, ValueFormat format) {
  const bool is_percent = format == ValueFormat::kPercent;
  const double unit = is_percent ? 100 : 1;
  const double scaled = std::fabs(distance * unit);
  if (scaled >= 1000) return Count(value * unit);
  if (scaled < 9e-4) return absl::StrCat(Compact(value * unit), is_percent ? " %" : "");
  const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(scaled) - 1e-9)));
  // 2.5 and 0.25 need one more digit than their power of ten suggests.
  const double shifted = scaled * std::pow(10, digits);
  const bool is_whole = std::fabs(shifted - std::round(shifted)) < 1e-6;
  return absl::StrCat(Fixed(value * unit, is_whole ? digits : digits + 1), is_percent ? " %" : "");
}

}  // namespace

std::string ShowValue(double value, ValueFormat format) {
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

std::string Number(double value) {
  std::string text = absl::StrFormat("%.1f", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string Text(double x, double y, const char* anchor, const std::string& text, const char* css) {
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

std::string OpenSvg(const std::string& label) {
  return absl::StrCat("<svg viewBox=\"0 0 ",
                      kWidth,
                      " ",
                      kHeight,
                      "\" role=\"img\" aria-label=\"",
                      EscapeHtml(label),
                      "\">");
}

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

std::string DrawHover(const Frame& frame,
                      const std::vector<double>& xs,
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
                    Number(kTop),
                    "\" width=\"",
                    Number(right - left),
                    "\" height=\"",
                    Number(kPlotBottom - kTop),
                    "\"/><path d=\"M",
                    Number(x),
                    " ",
                    Number(kTop),
                    "V",
                    Number(kPlotBottom),
                    "\"/><title>",
                    EscapeHtml(text_at(i)),
                    "</title></g>");
  }
  return svg;
}

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

}  // namespace convrec::report
