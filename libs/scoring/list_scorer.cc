#include "libs/scoring/list_scorer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/digest.h"
#include "libs/base/status_macros.h"

namespace convrec::scoring {
namespace {

// Fills `scored` from a line that has been read and judged.
void WriteLine(const lists::ListLine& line,
               const lists::JudgedLine& judged,
               domain::ScoredLine* scored) {
  scored->line = line.source_line;
  scored->item.title.assign(line.title);
  scored->item.year = line.year;
  scored->outcome = judged.outcome;
  scored->match = judged.match;
  scored->in_catalog = judged.is_exact();
  scored->is_seen = judged.is_seen;
  scored->is_duplicate = judged.is_duplicate;
  scored->ground_truth.reset();
  if (judged.truth >= 0) scored->ground_truth = judged.truth;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ListScorer>> ListScorer::Create(
    const catalog::Catalog& catalog, const Options& options) {
  CR_ASSIGN_OR_RETURN(ItemTraits traits, ItemTraits::Create(catalog, options.rules.terms));
  return std::shared_ptr<const ListScorer>(new ListScorer(catalog, options, std::move(traits)));
}

ListScorer::ListScorer(const catalog::Catalog& catalog, const Options& options, ItemTraits traits)
    : catalog_(catalog),
      options_(options),
      rules_digest_(ScoringDigest(options)),
      traits_(std::move(traits)) {
  CR_CHECK(options.num_ranks > 0 && options.year_tolerance >= 0 && options.rules.gamma > 1);
  if (options.fuzzy) search_ = std::make_unique<catalog::TitleSearch>(&catalog_, *options.fuzzy);
  if (options.counting == lists::RankCounting::kByLine)
    odd_titles_ = std::make_unique<lists::OddTitles>(catalog_);
}

lists::ListTarget ListScorer::Prepare(const Prompt& prompt) const {
  return lists::ListTarget(catalog_, prompt.ground_truth, prompt.seen_titles, options_.counting);
}

lists::HitOptions ListScorer::hit_options() const {
  return {.num_ranks = options_.num_ranks,
          .year_tolerance = options_.year_tolerance,
          .catalog_year_tolerance = options_.catalog_year_tolerance,
          .fuzzy = search_.get(),
          .fuzzy_threshold = options_.fuzzy_threshold};
}

lists::EvaluationOptions ListScorer::evaluation_options() const {
  return {.num_ranks = options_.num_ranks,
          .year_tolerance = options_.year_tolerance,
          .cut = options_.evaluation_cut,
          .stops_at_n = options_.counting == lists::RankCounting::kByLine};
}

domain::ListScore ListScorer::Score(std::string_view text, const Prompt& prompt) const {
  domain::ListScore score;
  ScoreSession(this).Score(text, Prepare(prompt), &score);
  return score;
}

ScoreSession::ScoreSession(const ListScorer* scorer)
    : scorer_(scorer),
      reader_(scorer->odd_titles()),
      judge_(&scorer->catalog(), scorer->hit_options()),
      new_items_(&scorer->traits()) {}

void ScoreSession::Score(std::string_view text,
                         const lists::ListTarget& target,
                         domain::ListScore* score) {
  const ListScorer::Options& options = scorer_->options();
  const std::span<const lists::ListLine> lines = reader_.Read(text, options.counting);
  const std::span<const lists::JudgedLine> judged = judge_.JudgeAll(lines, target);
  score->lines.resize(lines.size());
  facts_.clear();
  new_items_.Clear();
  int num_parsed = 0;
  for (size_t k = 0; k < lines.size(); ++k) {
    WriteLine(lines[k], judged[k], &score->lines[k]);
    facts_.push_back(new_items_.FactsOf(judged[k]));
    num_parsed += lines[k].status == lists::LineStatus::kOk;
  }
  const std::vector<double> rewards = RankRewards(options.rules, facts_, options.num_ranks);
  score->rank_rewards.resize(rewards.size());
  for (size_t k = 0; k < rewards.size(); ++k) {
    score->rank_rewards[k] = static_cast<float>(rewards[k]);  // Summed in double, stored in float.
  }

  const lists::EvaluationOptions evaluation = scorer_->evaluation_options();
  const lists::RankingMetrics metrics =
      lists::EvaluateLines(lines, judged, target, scorer_->catalog(), evaluation);
  score->recall = metrics.recall;
  score->ndcg = metrics.ndcg;
  score->ndcg_strict = metrics.ndcg_strict;
  score->in_catalog_ratio =
      lists::InCatalogRatioOfLines(lines, judged, scorer_->catalog(), evaluation);
  score->format_ratio =
      reader_.num_lines() == 0 ? 0 : static_cast<double>(num_parsed) / reader_.num_lines();
}

std::string ListScorer::DescribeScoring(const Options& options) {
  const bool by_line = options.counting == lists::RankCounting::kByLine;
  std::string text = absl::StrCat(DescribeRules(options.rules),
                                  " N=",
                                  options.num_ranks,
                                  " year_tolerance=",
                                  options.year_tolerance,
                                  by_line ? " by_line" : " reference");
  if (options.evaluation_cut == lists::EvaluationCut::kBeforeFilter) {
    text += " cut=before_filter";
  }
  if (options.catalog_year_tolerance > 0) {
    absl::StrAppend(&text, " catalog_year_tolerance=", options.catalog_year_tolerance);
  }
  if (options.fuzzy) {
    absl::StrAppend(&text,
                    " fuzzy=",
                    *options.fuzzy == catalog::Similarity::kEdit ? "edit" : "token_sort",
                    ">=",
                    options.fuzzy_threshold);
  }
  return text;
}

std::string ListScorer::ScoringDigest(const Options& options) {
  base::Digester digester;
  const std::string text = DescribeScoring(options);
  digester.Update(text.data(), text.size());
  // The numbers themselves, because the text rounds them.
  const auto add = [&digester](double value) { digester.Update(&value, sizeof(value)); };
  const RewardRules& rules = options.rules;
  for (const double value : {rules.rule_weight,
                             rules.gamma,
                             rules.duplicate_reward,
                             rules.off_catalog_reward,
                             rules.seen_reward,
                             rules.malformed_reward,
                             rules.external_weight,
                             options.fuzzy_threshold}) {
    add(value);
  }
  const RewardTerms& terms = rules.terms;
  for (const double value : {terms.exp_inf,
                             terms.exp,
                             terms.log_decay,
                             terms.dcg,
                             terms.format,
                             terms.length,
                             terms.novelty,
                             terms.diversity}) {
    add(value);
  }
  for (const double discount : rules.discounts) add(discount);
  return digester.Finish();
}

}  // namespace convrec::scoring
