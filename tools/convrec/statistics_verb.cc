#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "libs/base/errors.h"
#include "libs/statistics/metric_list.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {

void AddStatisticsVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand(
      "statistics", "List every statistic of metrics.jsonl: name, shape, unit and meaning.");
  auto lists_metrics = std::make_shared<bool>(false);
  verb->add_flag("--metrics", *lists_metrics, "List the metrics that Prometheus sees instead.");
  verb->footer(
      "Examples:\n"
      "  convrec statistics\n"
      "  convrec statistics --metrics > deploy/checks/metrics.txt");
  verb->callback([lists_metrics, action] {
    *action = [lists_metrics]() -> int {
      const std::string text =
          *lists_metrics ? statistics::FormatMetrics() : statistics::FormatStatistics();
      std::fputs(text.c_str(), stdout);
      return base::kExitOk;
    };
  });
}

}  // namespace convrec::cli
