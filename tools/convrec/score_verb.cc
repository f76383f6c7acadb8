#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/enum_names.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/config/command_line.h"
#include "libs/config/load.h"
#include "libs/config/scorer_options.h"
#include "libs/lists/list_format.h"
#include "libs/lists/odd_titles.h"
#include "tools/convrec/list_explainer.h"
#include "tools/convrec/lists_file.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

using Json = nlohmann::json;

struct ScoreArguments {
  config::ConfigArguments config;
  std::string catalog;
  std::string lists;
  std::string truth;
  std::string index;
  std::string line_format;
  bool is_json = false;
};

// Sums over lists.
struct Totals {
  int num_lists = 0;
  int num_with_truth = 0;
  int64_t num_hits = 0;
  double reward = 0;  // Mean over ranks.
  double in_catalog_ratio = 0;
  double format_ratio = 0;
  lists::RankingMetrics metrics;
  std::map<std::string, int64_t> num_by_outcome;
};

double MeanReward(const ExplainedList& list) {
  double sum = 0;
  for (const double reward : list.rank_rewards) sum += reward;
  return sum / static_cast<double>(list.rank_rewards.size());
}

void AddTo(Totals* totals, const ExplainedList& list) {
  ++totals->num_lists;
  totals->num_hits += list.num_hits;
  totals->reward += MeanReward(list);
  totals->in_catalog_ratio += list.in_catalog_ratio;
  totals->format_ratio += list.format_ratio;
  for (const ExplainedLine& line : list.lines)
    ++totals->num_by_outcome[base::NameOf(line.judged.outcome)];
  if (!list.metrics) return;
  ++totals->num_with_truth;
  for (size_t c = 0; c < domain::kCutoffs.size(); ++c) {
    totals->metrics.recall[c] += list.metrics->recall[c];
    totals->metrics.ndcg[c] += list.metrics->ndcg[c];
    totals->metrics.ndcg_strict[c] += list.metrics->ndcg_strict[c];
  }
}

std::vector<int> CutoffsOf(const ListExplainer& explainer) {
  return domain::ShownCutoffs(explainer.scorer().options().num_ranks);
}

// Invalid UTF-8 is shown as U+FFFD.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json MetricsJson(const ListExplainer& explainer,
                 const lists::RankingMetrics& metrics,
                 double divisor) {
  Json json = Json::object();
  const std::vector<int> cutoffs = CutoffsOf(explainer);
  for (size_t c = 0; c < cutoffs.size(); ++c) {
    const std::string at = absl::StrCat("@", cutoffs[c]);
    json["recall" + at] = metrics.recall[c] / divisor;
    json["ndcg" + at] = metrics.ndcg[c] / divisor;
    json["ndcg_strict" + at] = metrics.ndcg_strict[c] / divisor;
  }
  return json;
}

Json ItemJson(const catalog::Catalog& catalog, size_t item) {
  Json json = {{"title", std::string(catalog.title(item))}};
  if (catalog.line_format().is_dated()) json["year"] = catalog.year(item);
  if (!catalog.id(item).empty()) json["id"] = std::string(catalog.id(item));
  return json;
}

Json LineJson(const catalog::Catalog& catalog, const ExplainedLine& line, size_t rank) {
  const lists::JudgedLine& judged = line.judged;
  const bool is_malformed = judged.outcome == domain::LineOutcome::kMalformed;
  Json json = {{"rank", rank},
               {"text", line.text},
               {"outcome", base::NameOf(judged.outcome)},
               {"why", line.why},
               {"in_catalog", judged.is_exact()},
               {"match", base::NameOf(judged.match)},
               {"seen", judged.is_seen},
               {"duplicate", judged.is_duplicate}};
  json["title"] = is_malformed ? Json() : Json(line.item.title);
  if (catalog.line_format().is_dated()) json["year"] = is_malformed ? Json() : Json(line.item.year);
  json["reward"] = line.reward ? Json(*line.reward) : Json();
  json["ground_truth"] = judged.truth >= 0 ? Json(judged.truth) : Json();
  if (judged.item != lists::kNoItem) json["item"] = ItemJson(catalog, judged.item);
  if (judged.match == domain::LineMatch::kFuzzy) json["similarity"] = judged.similarity;
  if (line.suggestion) {
    json["suggestion"] = ItemJson(catalog, line.suggestion->item);
    json["suggestion"]["similarity"] = line.suggestion->similarity;
  }
  return json;
}

void PrintJson(const ListExplainer& explainer,
               const ListToScore& list,
               const ExplainedList& explained) {
  Json json = {{"where", list.where},
               {"num_hits", explained.num_hits},
               {"rank_rewards", explained.rank_rewards},
               {"in_catalog_ratio", explained.in_catalog_ratio},
               {"format_ratio", explained.format_ratio},
               {"lines", Json::array()}};
  if (!list.id.empty()) json["id"] = list.id;
  if (explained.metrics) json["metrics"] = MetricsJson(explainer, *explained.metrics, 1);
  for (size_t k = 0; k < explained.lines.size(); ++k)
    json["lines"].push_back(LineJson(explainer.catalog(), explained.lines[k], k + 1));
  std::printf("%s\n", Dump(json).c_str());
}

void PrintJsonTotals(const ListExplainer& explainer, const Totals& totals) {
  Json json = {{"lists", totals.num_lists},
               {"num_hits", totals.num_hits},
               {"mean_reward", totals.reward / totals.num_lists},
               {"in_catalog_ratio", totals.in_catalog_ratio / totals.num_lists},
               {"format_ratio", totals.format_ratio / totals.num_lists},
               {"outcomes", totals.num_by_outcome},
               {"rules", explainer.scorer().Describe()},
               {"catalog_digest", explainer.catalog().digest()},
               {"catalog_size", explainer.catalog().size()}};
  if (totals.num_with_truth > 0) {
    json["lists_with_ground_truth"] = totals.num_with_truth;
    json["metrics"] = MetricsJson(explainer, totals.metrics, totals.num_with_truth);
  }
  std::printf("%s\n", Dump(Json{{"summary", json}}).c_str());
}

// Cut to `width` code points, so that tables stay aligned, and padded.
std::string Cell(const std::string& text, size_t width) {
  std::string cell;
  size_t num_shown = 0;
  for (size_t i = 0; i < text.size(); ++num_shown) {
    if (num_shown + 1 == width) {
      cell += "…";
      ++num_shown;
      break;
    }
    size_t end = i + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    cell.append(text, i, end - i);
    i = end;
  }
  return cell + std::string(width - std::min(width, num_shown), ' ');
}

void PrintTable(const ListExplainer& explainer,
                const ListToScore& list,
                const ExplainedList& explained) {
  constexpr size_t kLineWidth = 38;
  std::printf("%s%s: %d of %zu ground truths hit, mean reward %.4g",
              list.where.c_str(),
              list.id.empty() ? "" : absl::StrCat(" (", list.id, ")").c_str(),
              explained.num_hits,
              list.ground_truth.size(),
              MeanReward(explained));
  if (explained.metrics) {
    const std::vector<int> cutoffs = CutoffsOf(explainer);
    const size_t last = cutoffs.size() - 1;
    std::printf(", NDCG@%d %.4f, Recall@%d %.4f",
                cutoffs[last],
                explained.metrics->ndcg[last],
                cutoffs[last],
                explained.metrics->recall[last]);
  }
  std::printf("\nrank  reward  outcome      %s  why\n", Cell("line", kLineWidth).c_str());
  for (size_t k = 0; k < explained.lines.size(); ++k) {
    const ExplainedLine& line = explained.lines[k];
    const bool is_malformed = line.judged.outcome == domain::LineOutcome::kMalformed;
    std::printf("%4zu %7s  %-11s  %s  %s\n",
                k + 1,
                line.reward ? absl::StrFormat("%.4g", *line.reward).c_str() : "-",
                base::NameOf(line.judged.outcome).c_str(),
                Cell(is_malformed ? line.text : lists::FormatItem(line.item), kLineWidth).c_str(),
                line.why.c_str());
  }
  std::printf("\n");
}

void PrintTotals(const ListExplainer& explainer, const Totals& totals) {
  const double num_lists = totals.num_lists;
  std::printf("%d lists, catalog of %zu items (digest %s), %s\n",
              totals.num_lists,
              explainer.catalog().size(),
              explainer.catalog().digest().c_str(),
              explainer.scorer().Describe().c_str());
  std::string outcomes;
  for (const auto& [name, count] : totals.num_by_outcome)
    absl::StrAppend(&outcomes, outcomes.empty() ? "" : ", ", count, " ", name);
  std::printf("lines: %s\nmeans: reward %.4g, in catalog %.1f %%, well-formed %.1f %%",
              outcomes.empty() ? "none" : outcomes.c_str(),
              totals.reward / num_lists,
              100 * totals.in_catalog_ratio / num_lists,
              100 * totals.format_ratio / num_lists);
  if (totals.num_with_truth > 0) {
    const double num_truths = totals.num_with_truth;
    const std::vector<int> cutoffs = CutoffsOf(explainer);
    for (size_t c = 0; c < cutoffs.size(); ++c) {
      std::printf("%s@%d NDCG %.4f Recall %.4f",
                  c == 0 ? "\n" : ", ",
                  cutoffs[c],
                  totals.metrics.ndcg[c] / num_truths,
                  totals.metrics.recall[c] / num_truths);
    }
  }
  std::printf("\n");
}

// An index that is named on the command line says itself how its lines are written.
std::string LineFormatOf(const ScoreArguments& arguments, const config::DataOptions& data) {
  if (!arguments.line_format.empty()) return arguments.line_format;
  return arguments.catalog.empty() || !config::HasYears(data) ? data.line_format : "";
}

absl::StatusOr<std::unique_ptr<ListExplainer>> MakeExplainer(const ScoreArguments& arguments) {
  CR_ASSIGN_OR_RETURN(const config::RunOptions options,
                      config::LoadRunOptions(arguments.config.files, arguments.config.overrides));
  const std::string path = arguments.catalog.empty() ? options.data.catalog : arguments.catalog;
  if (path.empty()) {
    return base::BadConfig("no catalog is named; expected --catalog FILE or data.catalog");
  }
  CR_ASSIGN_OR_RETURN(
      const catalog::Catalog catalog,
      catalog::Catalog::Load(
          path,
          {.index_path = arguments.index, .line_format = LineFormatOf(arguments, options.data)}));
  return ListExplainer::Create(catalog, config::ScorerOptionsOf(options));
}

absl::Status Score(const ScoreArguments& arguments) {
  CR_ASSIGN_OR_RETURN(const std::unique_ptr<ListExplainer> explainer, MakeExplainer(arguments));
  const text::LineFormat& format = explainer->catalog().line_format();
  std::vector<std::string> notes;
  CR_ASSIGN_OR_RETURN(std::vector<ListToScore> lists, ReadLists(arguments.lists, format, &notes));
  const lists::OddTitles* const odd_titles = explainer->scorer().odd_titles();
  if (!arguments.truth.empty())
    CR_RETURN_IF_ERROR(ReadTruths(arguments.truth, format, odd_titles, &lists, &notes));
  const scoring::ListScorer::Options& rules = explainer->scorer().options();
  const std::vector<size_t> lost =
      lists::OddTitles(explainer->catalog())
          .NotReadBack(rules.counting, lists::ListStyle::kPlain, rules.num_ranks);
  if (!lost.empty()) notes.push_back(lists::DescribeNotReadBack(explainer->catalog(), lost));
  for (const std::string& note : notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  Totals totals;
  for (const ListToScore& list : lists) {
    const ExplainedList explained = explainer->Explain(list);
    AddTo(&totals, explained);
    arguments.is_json ? PrintJson(*explainer, list, explained)
                      : PrintTable(*explainer, list, explained);
  }
  arguments.is_json ? PrintJsonTotals(*explainer, totals) : PrintTotals(*explainer, totals);
  return absl::OkStatus();
}

}  // namespace

void AddScoreVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand(
      "score",
      "Score a file of lists without any service, and say why each line did or did not hit.");
  auto arguments = std::make_shared<ScoreArguments>();
  verb->add_option("--catalog",
                   arguments->catalog,
                   "Catalog: JSON lines, CSV or an index; data.catalog when left out.")
      ->type_name("FILE");
  verb->add_option(
          "--lists",
          arguments->lists,
          "JSON lines {\"text\", \"groundtruth\", \"seen_titles\"}, or a text that is one list.")
      ->required()
      ->type_name("FILE");
  verb->add_option("--truth",
                   arguments->truth,
                   "Ground truths apart: JSON lines, one per list, or lines of a list for all.")
      ->type_name("FILE");
  verb->add_option(
          "--line-format",
          arguments->line_format,
          "How the catalog's items are written, as \"{title} - {artist}\"; data.line_format "
          "when left out.")
      ->type_name("TEXT");
  verb->add_flag("--json", arguments->is_json, "One JSON object per list, then the summary.");
  verb->add_option("--index", arguments->index, "Keep the catalog's index here and use it.")
      ->type_name("FILE");
  AddConfigArguments(verb, &arguments->config);
  verb->footer(
      "A line hits when it reads \"Title (Year)\" (or as data.line_format says), stands in the "
      "catalog\n"
      "exactly so, is not among the seen titles, and matches a ground truth that no earlier line "
      "has taken (case aside, within\n"
      "reward.year_tolerance years). Outcomes: hit, miss, duplicate, seen, off_catalog (with the "
      "nearest\n"
      "title of the catalog), malformed (with what is wrong). The reward column follows the rules "
      "of the\n"
      "configuration; an external rule is not asked. docs/catalog.md describes the catalog.\n"
      "Examples:\n"
      "  convrec score --catalog films.jsonl --lists answers.jsonl\n"
      "  convrec score --catalog films.csv --lists one_answer.txt --truth liked.txt\n"
      "  convrec score --catalog films.idx --lists answers.jsonl reward.rule=log_decay --json\n"
      "  convrec score --catalog films.jsonl --lists answers.jsonl "
      "reward.matching.fuzzy=token_sort");
  verb->callback([arguments, action] {
    *action = [arguments] {
      const absl::Status status = Score(*arguments);
      return status.ok() ? base::kExitOk : Fail(status);
    };
  });
}

}  // namespace convrec::cli
