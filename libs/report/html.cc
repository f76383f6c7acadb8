#include "libs/report/html.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/report/cutoffs.h"
#include "libs/report/format.h"
#include "libs/report/html_charts.h"
#include "libs/report/html_samples.h"
#include "libs/report/html_style.h"
#include "libs/report/notes.h"
#include "libs/report/table.h"

namespace convrec::report {
namespace {

std::string Section(const std::string& title, const std::string& lead, const std::string& charts) {
  if (charts.empty()) return "";
  return absl::StrCat("<h2>",
                      title,
                      "</h2><p class=\"lead\">",
                      lead,
                      "</p><div class=\"charts\">\n",
                      charts,
                      "</div>\n");
}

std::string Tile(const std::string& label, const std::string& value, const std::string& remark) {
  return absl::StrCat("<div class=\"card tile\"><span>",
                      EscapeHtml(label),
                      "</span><strong>",
                      EscapeHtml(value),
                      "</strong><small>",
                      EscapeHtml(remark),
                      "</small></div>");
}

std::string Tiles(const Results& results, const RunOutcome& outcome) {
  std::string html = "<div class=\"tiles\">";
  if (const std::optional<double> ratio = results.Ratio()) {
    absl::StrAppend(
        &html,
        Tile(AtLast("RL over SFT, NDCG", *results.rl),
             absl::StrCat("\xC3\x97", Fixed(*ratio, 2)),
             absl::StrCat(Fixed(Ndcg20(*results.sft), 4), " to ", Fixed(Ndcg20(*results.rl), 4))));
  } else if (results.rl || results.sft) {
    const Evaluation& e = results.rl ? *results.rl : *results.sft;
    absl::StrAppend(
        &html, Tile(AtLast("NDCG", e), Fixed(Ndcg20(e), 4), results.rl ? "after RL" : "after SFT"));
  }
  const std::optional<Evaluation>& now = results.rl ? results.rl : results.sft;
  if (now) {
    const auto tile = [&](const char* label, double (*pick)(const Evaluation&)) {
      const bool is_compared = results.rl && results.sft;
      return Tile(label,
                  Percent(pick(*now), 1),
                  is_compared ? absl::StrCat("SFT ", Percent(pick(*results.sft), 1)) : "");
    };
    absl::StrAppend(
        &html,
        tile("Repeated lines", [](const Evaluation& e) { return e["repeat_ratio"]; }),
        tile("Off-catalog lines", [](const Evaluation& e) { return e["off_catalog_ratio"]; }),
        tile("Lists of exactly N", [](const Evaluation& e) { return e["exact_ratio"]; }));
  }
  if (outcome.seconds > 0) {
    absl::StrAppend(&html,
                    Tile("Duration",
                         Seconds(outcome.seconds),
                         outcome.is_finished ? "finished" : "not finished"));
  }
  return html + "</div>\n";
}

std::string Table(const Results& results) {
  if (results.empty()) return "";
  std::string html = absl::StrCat(
      "<h2>Results</h2><p class=\"lead\">On the ",
      EscapeHtml(TableCaption(results)),
      ". Greedy lists, the last step of each stage.</p><div class=\"card wide\"><table>"
      "<thead><tr><th></th><th>zero-shot</th><th>SFT</th><th>after RL</th>"
      "<th>RL / SFT</th></tr></thead><tbody>");
  for (const TableRow& row : TableRows(results)) {
    const char* css = row.is_headline    ? " class=\"headline\""
                      : row.begins_group ? " class=\"break\""
                                         : "";
    absl::StrAppend(&html, "<tr", css, "><td>", EscapeHtml(row.label), "</td>");
    for (const std::string& cell : {row.zero_shot, row.sft, row.rl, row.rl_over_sft}) {
      absl::StrAppend(&html, "<td>", EscapeHtml(cell), "</td>");
    }
    absl::StrAppend(&html, "</tr>");
  }
  return html + "</tbody></table></div>\n";
}

std::string Facts(const PageInput& input) {
  std::string html =
      "<h2>Run</h2><p class=\"lead\">What was run.</p><div class=\"card facts\"><table>";
  const auto add = [&html](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    absl::StrAppend(
        &html, "<tr><td>", EscapeHtml(name), "</td><td>", EscapeHtml(value), "</td></tr>");
  };
  add("name", input.outcome.name);
  add("seed", absl::StrCat(input.outcome.seed));
  add("configuration digest", input.outcome.config_digest);
  if (input.outcome.seconds > 0) add("duration", Seconds(input.outcome.seconds));
  for (const auto& [name, value] : input.facts) add(name, value);
  return html + "</table></div>\n";
}

std::string ListOf(const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string html = absl::StrCat("<h2>", title, "</h2><ul class=\"card notes\">");
  for (const std::string& line : lines) absl::StrAppend(&html, "<li>", EscapeHtml(line), "</li>");
  return html + "</ul>\n";
}

}  // namespace

std::string RenderPage(const RunLog& log, const PageInput& input) {
  const Results results = FinalResults(log);
  const std::string name = input.outcome.name.empty() ? "convrec" : input.outcome.name;
  std::string html = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"referrer\" content=\"no-referrer\"><title>",
      EscapeHtml(name),
      " - report</title><style>",
      kPageStyle,
      "</style></head><body><main>\n<header><h1>",
      EscapeHtml(name),
      "</h1><p class=\"lead\">Supervised warm start, then reinforcement learning with rank-level ",
      "rewards. Hover over a chart to read its values.</p></header>\n");
  absl::StrAppend(&html,
                  Tiles(results, input.outcome),
                  Table(results),
                  ListOf("Notes", HonestNotes(log, results, input.outcome)),
                  Section("Quality", "How good the lists are.", QualityCharts(log, results)));
  if (!log.rl_steps.empty()) {
    absl::StrAppend(
        &html,
        Section(
            "Shape of the lists", "What the policy does besides finding items.", ListCharts(log)),
        Section("Optimisation", "How the policy moves.", OptimisationCharts(log)),
        Section("System", "Where the time goes and how fresh the data is.", SystemCharts(log)));
  }
  absl::StrAppend(
      &html,
      Section("Supervised warm start", "The stage before reinforcement learning.", SftCharts(log)),
      RenderSamples(log),
      Facts(input),
      ListOf("Events", log.events),
      "<footer>Lines drawn strong are moving averages over about a fifteenth of the steps, with "
      "the single "
      "steps faint behind them; up to 19 steps are drawn as they "
      "are.</footer></main></body></html>\n");
  return html;
}

}  // namespace convrec::report
