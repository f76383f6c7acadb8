#include "libs/joins/run_joins.h"

#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/errors.h"
#include "libs/config/scorer_options.h"
#include "libs/joins/answer_join.h"
#include "libs/joins/title_tokens.h"
#include "libs/lists/odd_titles.h"

namespace convrec::joins {
namespace {

constexpr char kCorrectFile[] = "correct the file, or name another; the run would not start";
constexpr char kJoinRules[] = "docs/catalog.md says how truths, titles and lines find each other";

Finding Fault(std::string part, const absl::Status& status, std::string remedy = kCorrectFile) {
  return {
      Verdict::kFault, std::move(part), std::string(status.message()), std::move(remedy), status};
}

Finding Fine(std::string part, std::string text) {
  return {Verdict::kFine, std::move(part), std::move(text), "", {}};
}

// A share of what should go together: a fault below the bound, a warning below all of it.
Finding Judge(std::string part, std::string text, double share, double least) {
  if (share < least) {
    return Fault(std::move(part),
                 absl::InvalidArgumentError(absl::StrCat(
                     text, "; data.least_hittable asks for ", absl::SixDigits(100 * least), " %")),
                 "the run would not start: name items as the catalog writes them, take the catalog "
                 "that belongs to the rows, or lower data.least_hittable");
  }
  if (share >= 1) return Fine(std::move(part), std::move(text));
  return {Verdict::kWarning, std::move(part), std::move(text), kJoinRules, {}};
}

void AddWarning(const std::string& part,
                std::string text,
                std::string remedy,
                std::vector<Finding>* findings) {
  findings->push_back({Verdict::kWarning, part, std::move(text), std::move(remedy), {}});
}

lists::ListStyle StyleOf(const config::RunOptions& options) {
  return options.data.numbered_lists ? lists::ListStyle::kNumbered : lists::ListStyle::kPlain;
}

// What the reader of the rows has left out.
void AddLeftOut(const data::DialogueRows& rows,
                const std::string& part,
                std::vector<Finding>* findings) {
  if (rows.num_truths_without_year > 0) {
    AddWarning(part,
               absl::StrCat(rows.num_truths_without_year,
                            " truths are left out because they have no year, first: ",
                            rows.first_without_year),
               "give them years; data.line_format is for catalogs without any",
               findings);
  }
  for (const auto& [field, num_rows] : rows.num_rows_of_unknown_field) {
    AddWarning(
        part,
        absl::StrCat("nothing reads the field \"", field, "\" of ", num_rows, " rows"),
        "leave it so if it is not meant for this; docs/training.md names the fields that are "
        "read",
        findings);
  }
}

}  // namespace

ListRules ListRulesOf(const config::RunOptions& options) {
  return {.style = StyleOf(options),
          .counting = config::RankCountingOf(options.compat),
          .num_ranks = options.data.num_ranks,
          .year_tolerance = options.reward.year_tolerance};
}

std::vector<Finding> CheckSplit(const catalog::Catalog& catalog,
                                const std::string& name,
                                const data::DialogueRows& rows,
                                const config::RunOptions& options) {
  const std::string part = absl::StrCat("data.", name);
  const double least = options.data.least_hittable;
  std::vector<Finding> findings;
  if (name == "sft") {
    if (options.data.sft_targets == config::SftTargets::kCompletion) {
      const AnswerJoin answers = JoinAnswers(catalog, rows.rows, ListRulesOf(options));
      findings.push_back(
          answers.num_lines == 0
              ? Fault(part,
                      absl::InvalidArgumentError(
                          "no row has a \"completion\", which data.sft_targets: completion needs"),
                      "give the rows answers, or choose other data.sft_targets")
              : Judge(part, DescribeAnswers(answers), answers.share(), least));
    }
  } else {
    const TruthJoin truths = JoinTruths(catalog, rows.rows, ListRulesOf(options));
    findings.push_back(Judge(part, DescribeTruths(truths), truths.share(), least));
    for (std::string& text : DescribeOddities(truths))
      AddWarning(part, std::move(text), kJoinRules, &findings);
  }
  AddLeftOut(rows, part, &findings);
  return findings;
}

std::vector<Finding> CheckTitles(const catalog::Catalog& catalog,
                                 const tokenizer::Tokenizer* tokenizer,
                                 const config::RunOptions& options) {
  const ListRules rules = ListRulesOf(options);
  const std::string part = "data.catalog";
  std::vector<Finding> findings;
  const std::vector<size_t> lost =
      lists::OddTitles(catalog).NotReadBack(rules.counting, rules.style, rules.num_ranks);
  if (lost.size() == catalog.size()) {
    findings.push_back(
        Fault(part, absl::InvalidArgumentError(lists::DescribeNotReadBack(catalog, lost))));
  } else if (!lost.empty()) {
    AddWarning(part,
               lists::DescribeNotReadBack(catalog, lost),
               "no list can name these items; docs/catalog.md says what a line can say",
               &findings);
  } else {
    findings.push_back(
        Fine(part, absl::StrCat("all ", catalog.size(), " titles are read back from a list")));
  }
  if (tokenizer == nullptr) return findings;
  const TitleTokens tokens = JoinTitles(catalog, *tokenizer, rules.style);
  const bool is_written = tokens.num_written == tokens.num_checked;
  findings.push_back({is_written ? Verdict::kFine : Verdict::kWarning,
                      part,
                      DescribeTitles(tokens),
                      is_written ? "" : "take a tokenizer that has bytes for every character",
                      {}});
  const double list_tokens = tokens.mean_tokens * rules.num_ranks;
  if (options.learner.steps > 0 && list_tokens > options.rollout.max_new_tokens) {
    AddWarning("rollout.max_new_tokens",
               absl::StrFormat("%d tokens cut most lists: %d average titles take %.0f",
                               options.rollout.max_new_tokens,
                               rules.num_ranks,
                               std::ceil(list_tokens)),
               "raise it, or lower data.num_ranks",
               &findings);
  }
  return findings;
}

std::vector<Finding> CheckRun(const config::RunOptions& options) {
  std::vector<Finding> findings;
  if (options.data.catalog.empty()) return findings;
  const absl::StatusOr<catalog::Catalog> catalog =
      catalog::Catalog::Load(options.data.catalog, {.line_format = options.data.line_format});
  if (!catalog.ok()) return {Fault("data.catalog", catalog.status())};
  std::unique_ptr<const tokenizer::Tokenizer> tokenizer;
  if (!options.model.path.empty()) {
    auto loaded = tokenizer::LoadTokenizer(options.model.path);
    if (loaded.ok()) {
      tokenizer = *std::move(loaded);
    } else {
      findings.push_back(Fault("model.path", loaded.status()));
    }
  }
  const auto add = [&findings](std::vector<Finding> more) {
    for (Finding& finding : more) findings.push_back(std::move(finding));
  };
  add(CheckTitles(*catalog, tokenizer.get(), options));
  struct Split {
    const char* name;
    const config::DataSplitOptions& options;
    bool is_needed;
  };
  const bool trains = options.learner.steps > 0;
  for (const Split& split :
       {Split{"sft", options.data.sft, options.learner.sft.steps > 0},
        Split{"train", options.data.train, trains},
        Split{"validation", options.data.validation, trains && options.evaluation.every_steps > 0},
        Split{"test", options.data.test, true}}) {
    if (!split.is_needed || split.options.path.empty()) continue;
    const absl::StatusOr<data::DialogueRows> rows =
        data::ReadDialogues(split.options.path,
                            {.skip = split.options.skip, .take = split.options.take},
                            catalog->line_format());
    if (rows.ok()) {
      add(CheckSplit(*catalog, split.name, *rows, options));
    } else {
      findings.push_back(Fault(absl::StrCat("data.", split.name), rows.status()));
    }
  }
  return findings;
}

std::string Sentence(const Finding& finding) {
  return absl::StrCat(finding.part, ": ", finding.text);
}

absl::Status FirstFault(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::kFault) return base::Annotate(finding.status, finding.part);
  }
  return absl::OkStatus();
}

}  // namespace convrec::joins
