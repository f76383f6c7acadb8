#include "libs/report/html_charts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/report/format.h"
#include "libs/report/svg_chart.h"
#include "libs/report/svg_heatmap.h"

namespace convrec::report {
namespace {

constexpr size_t kMaxPoints = 400;
constexpr size_t kMaxColumns = 60;  // Of a heatmap.

template <typename Step>
using Pick = std::function<double(const Step&)>;

template <typename Step>
std::vector<Point> PointsOf(const std::vector<Step>& steps, const Pick<Step>& pick) {
  std::vector<Point> points;
  points.reserve(steps.size());
  for (const Step& step : steps) points.push_back({static_cast<double>(step.step), pick(step)});
  return Thinned(points, kMaxPoints);
}

// Few steps are shown as they are; many as a moving average over about a fifteenth of them.
size_t SmoothingWindow(size_t num_points) {
  return num_points < 20 ? 1 : std::max<size_t>(5, num_points / 15 | 1);
}

// A line, with the raw values faint behind it when it is smoothed.
template <typename Step>
void AddSeries(const std::vector<Step>& steps,
               const std::string& name,
               const std::string& color,
               const Pick<Step>& pick,
               std::vector<Series>* series) {
  Series line{name, color, PointsOf(steps, pick), false, false};
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

// NDCG at each cutoff over the evaluations on one split; SFT stands at step 0.
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
  for (size_t i = 0; i < domain::kCutoffs.size(); ++i) {
    Series series{absl::StrCat("NDCG@", domain::kCutoffs[i]), kColors[i], {}, true, false};
    for (const Evaluation& e : evaluations)
      series.points.push_back({static_cast<double>(e.step), e.ndcg[i]});
    chart.series.push_back(std::move(series));
  }
  return LineFigure("NDCG@k on held-out conversations",
                    absl::StrCat("Greedy lists, ",
                                 is_validation ? "validation" : "test",
                                 " split, ",
                                 evaluations.back().rows,
                                 " conversations."),
                    chart);
}

std::string HitsByRankFigure(const Results& results) {
  LineChart chart;
  chart.x_label = "rank";
  chart.format = ValueFormat::kPercent;
  const auto add = [&chart](
                       const std::optional<Evaluation>& e, const char* name, const char* color) {
    if (!e || e->hits_by_rank.empty()) return;
    Series series{name, color, {}, true, false};
    for (size_t r = 0; r < e->hits_by_rank.size(); ++r) {
      series.points.push_back({static_cast<double>(r + 1), e->hits_by_rank[r]});
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
          "Share of greedy lists with a hit at the rank, ", SplitName(results.split), " split."),
      chart);
}

// The y axis begins where the data does.
void FitY(LineChart* chart) { chart->y_min.reset(); }
// The y axis goes up to 1 at least.
void ReachOne(LineChart* chart) { chart->y_max = 1; }

std::string RlFigure(const RunLog& log,
                     const std::string& title,
                     const std::string& caption,
                     ValueFormat format,
                     const std::vector<std::pair<std::string, Pick<RlStep>>>& picks,
                     const std::function<void(LineChart*)>& adjust = nullptr) {
  LineChart chart;
  chart.format = format;
  for (size_t i = 0; i < picks.size(); ++i) {
    AddSeries<RlStep>(
        log.rl_steps, picks[i].first, absl::StrCat("c", i + 1), picks[i].second, &chart.series);
  }
  if (adjust) adjust(&chart);
  return LineFigure(title, caption, chart);
}

std::string RankFigure(const RunLog& log,
                       const std::string& title,
                       const std::string& caption,
                       std::vector<double> RlStep::*by_rank) {
  Heatmap heatmap;
  const size_t num_columns = std::min(kMaxColumns, log.rl_steps.size());
  for (size_t c = 0; c < num_columns; ++c) {
    const size_t begin = c * log.rl_steps.size() / num_columns;
    const size_t end = (c + 1) * log.rl_steps.size() / num_columns;
    std::vector<double> sums;
    std::vector<int> counts;
    for (size_t s = begin; s < end; ++s) {
      const std::vector<double>& values = log.rl_steps[s].*by_rank;
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
    heatmap.xs.push_back(static_cast<double>(log.rl_steps[end - 1].step));
    heatmap.values.push_back(std::move(sums));
  }
  const std::string svg = DrawHeatmap(heatmap);
  return Figure(title, caption, svg.empty() ? "" : DrawScale(heatmap), svg);
}

std::string TimeFigure(const RunLog& log) {
  StackedChart chart;
  const auto layer = [&](const char* name, const char* color, const Pick<RlStep>& pick) {
    const std::vector<Point> points = PointsOf(log.rl_steps, pick);
    Layer out{name, color, {}};
    for (const Point& point : points) out.values.push_back(std::isfinite(point.y) ? point.y : 0);
    chart.layers.push_back(std::move(out));
  };
  for (const Point& point :
       PointsOf<RlStep>(log.rl_steps, [](const RlStep& s) { return s.seconds; })) {
    chart.xs.push_back(point.x);
  }
  layer("wait for groups", "c1", [](const RlStep& s) { return s.wait_s; });
  layer("forward", "c2", [](const RlStep& s) { return s.forward_s; });
  layer("backward", "c3", [](const RlStep& s) { return s.backward_s; });
  layer("optimizer", "c4", [](const RlStep& s) { return s.optimizer_s; });
  layer("publish", "c5", [](const RlStep& s) { return s.publish_s; });
  layer("other", "c6", [](const RlStep& s) {
    return std::max(
        0.0, s.seconds - s.wait_s - s.forward_s - s.backward_s - s.optimizer_s - s.publish_s);
  });
  return Figure("Time of a step",
                "Waiting for groups is sampling and scoring seen from the learner.",
                DrawLegend(chart.layers),
                DrawStackedChart(chart));
}

}  // namespace

std::string QualityCharts(const RunLog& log, const Results& results) {
  std::string html = EvaluationFigure(log);
  absl::StrAppend(&html, HitsByRankFigure(results));
  if (log.rl_steps.empty()) return html;
  absl::StrAppend(&html,
                  RlFigure(log,
                           "Reward",
                           "Mean over ranks and sampled lists.",
                           ValueFormat::kNumber,
                           {{"reward", [](const RlStep& s) { return s.reward; }}},
                           FitY),
                  RankFigure(log,
                             "Reward by rank",
                             "Mean reward of each rank of the sampled lists.",
                             &RlStep::reward_by_rank),
                  RlFigure(log,
                           "NDCG@20 of sampled lists",
                           "At training temperature, on the step's own conversations.",
                           ValueFormat::kNumber,
                           {{"NDCG@20", [](const RlStep& s) { return s.ndcg20; }}},
                           FitY),
                  RlFigure(log,
                           "Hits per list",
                           "Accepted items in a sampled list.",
                           ValueFormat::kNumber,
                           {{"hits", [](const RlStep& s) { return s.hits_per_list; }}},
                           FitY));
  return html;
}

std::string ListCharts(const RunLog& log) {
  double num_ranks = 0;
  for (const RlStep& step : log.rl_steps) {
    num_ranks = std::max(num_ranks, static_cast<double>(step.reward_by_rank.size()));
  }
  return absl::StrCat(
      RlFigure(log,
               "List length",
               "Mean number of lines of a sampled list.",
               ValueFormat::kNumber,
               {{"lines", [](const RlStep& s) { return s.lines; }}},
               [num_ranks](LineChart* chart) {
                 FitY(chart);
                 if (num_ranks > 0)
                   chart->reference = {num_ranks, absl::StrCat("N = ", Fixed(num_ranks, 0))};
               }),
      RlFigure(log,
               "How lists end",
               "Share of sampled lists.",
               ValueFormat::kPercent,
               {{"exactly N lines", [](const RlStep& s) { return s.exact_ratio; }},
                {"cut by the token limit", [](const RlStep& s) { return s.truncated_ratio; }},
                {"ended by the stop token", [](const RlStep& s) { return s.eos_ratio; }}},
               ReachOne),
      RlFigure(log,
               "Faults of lines",
               "Share of sampled lines.",
               ValueFormat::kPercent,
               {{"repeats", [](const RlStep& s) { return s.repeat_ratio; }},
                {"off catalog", [](const RlStep& s) { return s.off_catalog_ratio; }},
                {"named in conversation", [](const RlStep& s) { return s.seen_ratio; }},
                {"malformed", [](const RlStep& s) { return s.malformed_ratio; }}}),
      RlFigure(log,
               "Entropy",
               "Nats per token under the current policy.",
               ValueFormat::kNumber,
               {{"entropy", [](const RlStep& s) { return s.entropy; }}}));
}

std::string OptimisationCharts(const RunLog& log) {
  return absl::StrCat(
      RlFigure(log,
               "KL to the SFT policy",
               "Mean estimate over trained tokens.",
               ValueFormat::kNumber,
               {{"KL", [](const RlStep& s) { return s.kl; }}}),
      RankFigure(log,
                 "KL by rank",
                 "Where in the list the policy moves away from SFT.",
                 &RlStep::kl_by_rank),
      RlFigure(log,
               "Clip fraction",
               "Share of importance ratios beyond a clip bound.",
               ValueFormat::kPercent,
               {{"below the lower bound", [](const RlStep& s) { return s.clip_low; }},
                {"above the upper bound", [](const RlStep& s) { return s.clip_high; }}}),
      RankFigure(log,
                 "Clip fraction by rank",
                 "Share of importance ratios beyond a clip bound.",
                 &RlStep::clip_by_rank),
      RlFigure(log,
               "Effective sample size",
               "Of the importance weights in force, over the number of tokens.",
               ValueFormat::kPercent,
               {{"effective", [](const RlStep& s) { return s.effective_sample_ratio; }},
                {"weights truncated or masked", [](const RlStep& s) { return s.correction_cut; }}},
               ReachOne),
      RankFigure(log,
                 "Effective sample size by rank",
                 "Where in the list few samples carry the weight.",
                 &RlStep::effective_sample_by_rank),
      RankFigure(log,
                 "Groups without signal by rank",
                 "Share of groups whose lists have equal rewards at the rank.",
                 &RlStep::zero_signal_by_rank),
      RlFigure(log,
               "Importance ratio",
               "Before clipping.",
               ValueFormat::kNumber,
               {{"mean", [](const RlStep& s) { return s.ratio_mean; }},
                {"smallest", [](const RlStep& s) { return s.ratio_min; }},
                {"largest", [](const RlStep& s) { return s.ratio_max; }}},
               FitY),
      RlFigure(
          log,
          "Loss",
          "Of the reinforcement-learning objective; its level says little, jumps say something.",
          ValueFormat::kNumber,
          {{"loss", [](const RlStep& s) { return s.loss; }}},
          FitY),
      RlFigure(log,
               "Gradient norm",
               "Before clipping.",
               ValueFormat::kNumber,
               {{"gradient norm", [](const RlStep& s) { return s.grad_norm; }}}),
      RlFigure(log,
               "Signal",
               "Share of (group, rank) pairs whose siblings differ in reward.",
               ValueFormat::kPercent,
               {{"live ranks", [](const RlStep& s) { return s.live_rank_ratio; }}},
               ReachOne),
      RlFigure(log,
               "Learning rate",
               "Of the reinforcement-learning optimizer.",
               ValueFormat::kNumber,
               {{"learning rate", [](const RlStep& s) { return s.learning_rate; }}}));
}

std::string SystemCharts(const RunLog& log) {
  return absl::StrCat(
      TimeFigure(log),
      RlFigure(log,
               "Throughput",
               "Trained completion tokens per second of the whole loop.",
               ValueFormat::kNumber,
               {{"tokens/s", [](const RlStep& s) { return s.tokens_per_second; }}}),
      RlFigure(
          log,
          "Staleness",
          "Steps between the weights that sampled a group and those that train on it; a list may"
          " be begun by older weights and ended by newer ones.",
          ValueFormat::kNumber,
          {{"mean over tokens", [](const RlStep& s) { return s.token_lag; }},
           {"mean over groups", [](const RlStep& s) { return s.staleness_mean; }},
           {"oldest group", [](const RlStep& s) { return static_cast<double>(s.staleness_max); }}},
          ReachOne),
      RlFigure(log,
               "Sampled against recomputed",
               "Largest difference of a token's log-probability, worker and learner.",
               ValueFormat::kNumber,
               {{"gap", [](const RlStep& s) { return s.logprob_gap; }}}));
}

std::string SftCharts(const RunLog& log) {
  if (log.sft_steps.empty()) return "";
  const auto figure =
      [&log](const char* title, const char* caption, const char* name, const Pick<SftStep>& pick) {
        LineChart chart;
        AddSeries<SftStep>(log.sft_steps, name, "c1", pick, &chart.series);
        return LineFigure(title, caption, chart);
      };
  return absl::StrCat(
      figure("Loss",
             "Mean negative log-likelihood of a target token.",
             "loss",
             [](const SftStep& s) { return s.loss; }),
      figure("Throughput", "Target tokens per second.", "tokens/s", [](const SftStep& s) {
        return s.tokens_per_second;
      }));
}

}  // namespace convrec::report
