#include "libs/report/html_charts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/enum_names.h"
#include "libs/report/cutoffs.h"
#include "libs/report/format.h"
#include "libs/report/svg_chart.h"
#include "libs/report/svg_heatmap.h"

namespace convrec::report {
namespace {

constexpr size_t kMaxPoints = 400;
constexpr size_t kMaxColumns = 60;  // Of a heatmap.

using statistics::Chart;
using statistics::Section;
using statistics::Shape;
using statistics::Statistic;

// A row of the table of step statistics.
template <typename Step>
std::vector<Point> PointsOf(const std::vector<Step>& steps, size_t row) {
  std::vector<Point> points;
  points.reserve(steps.size());
  for (const Step& step : steps)
    points.push_back({static_cast<double>(step.step), step.at(row).front()});
  return Thinned(points, kMaxPoints);
}

// A few steps are shown unchanged; many as a moving average over about a fifteenth of them.
size_t SmoothingWindow(size_t num_points) {
  return num_points < 20 ? 1 : std::max<size_t>(5, num_points / 15 | 1);
}

// A line, with the raw values faint behind it when it is smoothed.
template <typename Step>
void AddSeries(const std::vector<Step>& steps,
               const std::string& name,
               const std::string& color,
               size_t row,
               std::vector<Series>* series) {
  Series line{name, color, PointsOf(steps, row), false, false};
  const size_t window = SmoothingWindow(line.points.size());
  if (window > 1) {
    Series raw = line;
    raw.name = absl::StrCat(name, " (step)");
    raw.is_background = true;
    line.points = Smoothed(line.points, window);
    series->push_back(std::move(raw));
  }
  series->push_back(std::move(line));
}

std::string Figure(const std::string& title,
                   const std::string& caption,
                   const std::string& legend,
                   const std::string& svg) {
  if (svg.empty()) return "";
  return absl::StrCat("<figure class=\"card\"><figcaption><b>",
                      title,
                      "</b><span>",
                      caption,
                      "</span></figcaption>",
                      legend,
                      svg,
                      "</figure>\n");
}

std::string LineFigure(const std::string& title,
                       const std::string& caption,
                       const LineChart& chart) {
  return Figure(title, caption, DrawLegend(chart.series), DrawLineChart(chart));
}

// NDCG at each cutoff over the evaluations on one split; SFT is at step 0.
std::string EvaluationFigure(const RunLog& log) {
  const auto on = [&log](Split split) {
    std::vector<Evaluation> evaluations;
    for (const Evaluation& e : log.evaluations) {
      if (e.split == split && e.stage == Stage::kRl) evaluations.push_back(e);
    }
    std::sort(evaluations.begin(), evaluations.end(), [](const Evaluation& a, const Evaluation& b) {
      return a.step < b.step;
    });
    std::optional<Evaluation> sft;
    for (const Evaluation& e : log.evaluations) {
      if (e.split == split && e.stage == Stage::kSft && (!sft || e.step >= sft->step)) sft = e;
    }
    if (sft && (evaluations.empty() || evaluations.front().step > 0)) {
      sft->step = 0;
      evaluations.insert(evaluations.begin(), *sft);
    }
    return evaluations;
  };
  std::vector<Evaluation> evaluations = on(Split::kValidation);
  const bool is_validation = evaluations.size() > 1;
  if (!is_validation) evaluations = on(Split::kTest);
  if (evaluations.size() < 2) return "";
  LineChart chart;
  chart.x_label = "RL step (0 = after SFT)";
  constexpr const char* kColors[] = {"c4", "c3", "c2", "c1"};
  const std::vector<int> cutoffs = CutoffsOf(evaluations.back());
  for (size_t i = 0; i < cutoffs.size(); ++i) {
    Series series{absl::StrCat("NDCG@", cutoffs[i]),
                  kColors[i + std::size(kColors) - cutoffs.size()],
                  {},
                  true,
                  false};
    for (const Evaluation& e : evaluations)
      series.points.push_back({static_cast<double>(e.step), e.list("ndcg")[i]});
    chart.series.push_back(std::move(series));
  }
  return LineFigure("NDCG@k on held-out conversations",
                    absl::StrCat("Greedy lists, ",
                                 is_validation ? "validation" : "test",
                                 " split, ",
                                 evaluations.back().count("rows"),
                                 " conversations."),
                    chart);
}

std::string HitsByRankFigure(const Results& results) {
  LineChart chart;
  chart.x_label = "rank";
  chart.format = ValueFormat::kPercent;
  const auto add = [&chart](
                       const std::optional<Evaluation>& e, const char* name, const char* color) {
    if (!e || e->list("hits_by_rank").empty()) return;
    Series series{name, color, {}, true, false};
    for (const double hits : e->list("hits_by_rank")) {
      series.points.push_back({static_cast<double>(series.points.size() + 1), hits});
    }
    chart.series.push_back(std::move(series));
  };
  add(results.zero_shot, "zero-shot", "c5");
  add(results.sft, "SFT", "c2");
  add(results.rl, "after RL", "c1");
  if (chart.series.empty()) return "";
  return LineFigure(
      "Hits by rank, before and after",
      absl::StrCat(
          "Share of greedy lists with a hit at the rank, ", base::NameOf(results.split), " split."),
      chart);
}

// The rows of the table that make one chart: the first row names it, all of them are curves.
struct ChartRows {
  Chart chart;
  std::vector<size_t> rows;
};

// The charts of a section in the order of the table.
std::vector<ChartRows> ChartsOf(std::span<const Statistic> table, Section section) {
  std::vector<ChartRows> charts;
  for (size_t row = 0; row < table.size(); ++row) {
    if (table[row].chart.section != section) continue;
    const auto same = std::find_if(charts.begin(), charts.end(), [&](const ChartRows& other) {
      return other.chart.title == table[row].chart.title;
    });
    if (same != charts.end()) {
      same->rows.push_back(row);
      continue;
    }
    charts.push_back({table[row].chart, {row}});
    if (charts.back().chart.caption.empty()) charts.back().chart.caption = table[row].help;
  }
  return charts;
}

std::string CurveName(const Statistic& statistic) {
  return std::string(statistic.chart.curve.empty() ? statistic.chart.title : statistic.chart.curve);
}

// One of the six colours of the page.
std::string Color(size_t index) { return absl::StrCat("c", index % 6 + 1); }

// N, as far as the log knows it; 0 otherwise.
size_t NumRanks(const std::vector<RlStep>& steps) {
  size_t num_ranks = 0;
  for (const RlStep& step : steps)
    num_ranks = std::max(num_ranks, step.list("reward_by_rank").size());
  return num_ranks;
}
size_t NumRanks(const std::vector<SftStep>&) { return 0; }

template <typename Step>
std::string CurvesFigure(const std::vector<Step>& steps,
                         std::span<const Statistic> table,
                         const ChartRows& of) {
  LineChart chart;
  chart.format = table[of.rows.front()].unit == statistics::Unit::kShare ? ValueFormat::kPercent
                                                                         : ValueFormat::kNumber;
  if (of.chart.range == statistics::Range::kFitted) chart.y_min.reset();
  if (of.chart.range == statistics::Range::kToOne) chart.y_max = 1;
  for (size_t i = 0; i < of.rows.size(); ++i)
    AddSeries(steps, CurveName(table[of.rows[i]]), Color(i), of.rows[i], &chart.series);
  if (const size_t num_ranks = NumRanks(steps);
      num_ranks > 0 && table[of.rows.front()].name == "lines") {
    chart.reference = {static_cast<double>(num_ranks), absl::StrCat("N = ", num_ranks)};
  }
  return LineFigure(std::string(of.chart.title), std::string(of.chart.caption), chart);
}

template <typename Step>
std::string RankFigure(const std::vector<Step>& steps, const Chart& chart, size_t row) {
  Heatmap heatmap;
  const size_t num_columns = std::min(kMaxColumns, steps.size());
  for (size_t c = 0; c < num_columns; ++c) {
    const size_t begin = c * steps.size() / num_columns;
    const size_t end = (c + 1) * steps.size() / num_columns;
    std::vector<double> sums;
    std::vector<int> counts;
    for (size_t s = begin; s < end; ++s) {
      const std::span<const double> values = steps[s].at(row);
      sums.resize(std::max(sums.size(), values.size()), 0.0);
      counts.resize(sums.size(), 0);
      for (size_t r = 0; r < values.size(); ++r) {
        if (!std::isfinite(values[r])) continue;
        sums[r] += values[r];
        ++counts[r];
      }
    }
    for (size_t r = 0; r < sums.size(); ++r) {
      sums[r] = counts[r] > 0 ? sums[r] / counts[r] : std::numeric_limits<double>::quiet_NaN();
    }
    heatmap.xs.push_back(static_cast<double>(steps[end - 1].step));
    heatmap.values.push_back(std::move(sums));
  }
  const std::string svg = DrawHeatmap(heatmap);
  return Figure(std::string(chart.title),
                std::string(chart.caption),
                svg.empty() ? "" : DrawScale(heatmap),
                svg);
}

// All charts of a section: curves or heatmaps, depending on the shapes of the rows.
template <typename Step>
std::string SectionCharts(const std::vector<Step>& steps, Section section) {
  if (steps.empty()) return "";
  const std::span<const Statistic> table = steps.front().rows();
  std::string html;
  for (const ChartRows& chart : ChartsOf(table, section)) {
    const size_t first = chart.rows.front();
    absl::StrAppend(&html,
                    table[first].shape == Shape::kByRank ? RankFigure(steps, chart.chart, first)
                                                         : CurvesFigure(steps, table, chart));
  }
  return html;
}

// The stages of a step stacked, with the rest of its time on top.
std::string TimeFigure(const std::vector<RlStep>& steps) {
  std::string html;
  for (const ChartRows& of : ChartsOf(statistics::kRlTable, Section::kStepTime)) {
    StackedChart chart;
    std::vector<Point> rest;
    for (const RlStep& step : steps) {
      double seconds = step["seconds"];
      for (const size_t row : of.rows) seconds -= step.at(row).front();
      rest.push_back({static_cast<double>(step.step), std::max(0.0, seconds)});
    }
    const auto add = [&chart](const std::string& name, const std::vector<Point>& points) {
      Layer layer{name, Color(chart.layers.size()), {}};
      for (const Point& point : points)
        layer.values.push_back(std::isfinite(point.y) ? point.y : 0);
      chart.layers.push_back(std::move(layer));
    };
    for (const size_t row : of.rows)
      add(CurveName(statistics::kRlTable[row]), PointsOf(steps, row));
    const std::vector<Point> thinned = Thinned(rest, kMaxPoints);
    add("other", thinned);
    for (const Point& point : thinned) chart.xs.push_back(point.x);
    absl::StrAppend(&html,
                    Figure(std::string(of.chart.title),
                           std::string(of.chart.caption),
                           DrawLegend(chart.layers),
                           DrawStackedChart(chart)));
  }
  return html;
}

}  // namespace

std::string QualityCharts(const RunLog& log, const Results& results) {
  return absl::StrCat(EvaluationFigure(log),
                      HitsByRankFigure(results),
                      SectionCharts(log.rl_steps, Section::kQuality));
}

std::string ListCharts(const RunLog& log) { return SectionCharts(log.rl_steps, Section::kLists); }

std::string OptimisationCharts(const RunLog& log) {
  return SectionCharts(log.rl_steps, Section::kOptimisation);
}

std::string SystemCharts(const RunLog& log) {
  return absl::StrCat(TimeFigure(log.rl_steps), SectionCharts(log.rl_steps, Section::kSystem));
}

std::string SftCharts(const RunLog& log) {
  return SectionCharts(log.sft_steps, Section::kWarmStart);
}

}  // namespace convrec::report
