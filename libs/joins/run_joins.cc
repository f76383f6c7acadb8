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

Finding Fault(std::string part, const absl::Status& status) {
  return {Verdict::kFault, std::move(part), std::string(status.message()), status};
}

// A share of what should go together: a fault below the bound, a warning below all of it.
Finding Judge(std::string part, std::string text, double share, double least) {
  if (share < least) {
    return Fault(std::move(part),
                 absl::InvalidArgumentError(absl::StrCat(
                     text, "; data.least_hittable asks for ", absl::SixDigits(100 * least), " %")));
  }
  return {share < 1 ? Verdict::kWarning : Verdict::kFine, std::move(part), std::move(text), {}};
}

void AddWarning(const std::string& part, std::string text, std::vector<Finding>* findings) {
  findings->push_back({Verdict::kWarning, part, std::move(text), {}});
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
               findings);
  }
  for (const auto& [field, num_rows] : rows.num_rows_of_unknown_field) {
    AddWarning(part,
               absl::StrCat("nothing reads the field \"", field, "\" of ", num_rows, " rows"),
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
                          "no row has a \"completion\", which data.sft_targets: completion needs"))
              : Judge(part, DescribeAnswers(answers), answers.share(), least));
    }
  } else {
    const TruthJoin truths = JoinTruths(catalog, rows.rows, ListRulesOf(options));
    findings.push_back(Judge(part, DescribeTruths(truths), truths.share(), least));
    for (std::string& text : DescribeOddities(truths)) AddWarning(part, std::move(text), &findings);
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
    AddWarning(part, lists::DescribeNotReadBack(catalog, lost), &findings);
  } else {
    findings.push_back({Verdict::kFine,
                        part,
                        absl::StrCat("all ", catalog.size(), " titles are read back from a list"),
                        {}});
  }
  if (tokenizer == nullptr) return findings;
  const TitleTokens tokens = JoinTitles(catalog, *tokenizer, rules.style);
  const bool is_written = tokens.num_written == tokens.num_checked;
  findings.push_back(
      {is_written ? Verdict::kFine : Verdict::kWarning, part, DescribeTitles(tokens), {}});
  const double list_tokens = tokens.mean_tokens * rules.num_ranks;
  if (options.learner.steps > 0 && list_tokens > options.rollout.max_new_tokens) {
    AddWarning("rollout.max_new_tokens",
               absl::StrFormat("%d tokens cut most lists: %d average titles take %.0f",
                               options.rollout.max_new_tokens,
                               rules.num_ranks,
                               std::ceil(list_tokens)),
               &findings);
  }
  return findings;
}

std::vector<Finding> CheckRun(const config::RunOptions& options) {
  std::vector<Finding> findings;
  if (options.data.catalog.empty()) return findings;
  const absl::StatusOr<catalog::Catalog> catalog = catalog::Catalog::Load(
      options.data.catalog, {.line_format = options.data.line_format});
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
    const absl::StatusOr<data::DialogueRows> rows = data::ReadDialogues(
        split.options.path,
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
