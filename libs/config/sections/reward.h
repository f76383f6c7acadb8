// The section "reward".
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/catalog/title_search.h"
#include "libs/config/sections/compat.h"
#include "libs/config/table.h"
#include "libs/config/text_lists.h"
#include "libs/lists/ranking_metrics.h"
#include "libs/scoring/reward_rules.h"

namespace convrec::config {

void Describe(scoring::RewardTerms& terms, const auto&, Table& table) {
  table.Key("exp_inf", terms.exp_inf, Number(-100, 100)).Help("Weight of the rank's own hit.");
  table.Key("exp", terms.exp, Number(-100, 100))
      .Help("Weight of discounted hits from the rank on, base reward.gamma.");
  table.Key("log_decay", terms.log_decay, Number(-100, 100))
      .Help("Weight of the DCG from the rank on.");
  table.Key("dcg", terms.dcg, Number(-100, 100))
      .Help("Weight of the DCG from the rank on with reward.discounts.");
  table.Key("format", terms.format, Number(-100, 100))
      .Help("Weight of a line that reads \"Title (Year)\".");
  table.Key("length", terms.length, Number(-100, 100))
      .Help(
          "Weight of the list's length, given to each rank found: 1 for N lines, less by 1/N for "
          "each line too few or too many, at least 0.");
  table.Key("novelty", terms.novelty, Number(-100, 100))
      .Help(
          "Weight of an item's rarity, 1 - log(1 + popularity) / log(1 + the largest), for new "
          "items of the catalog; needs popularities in the catalog.");
  table.Key("diversity", terms.diversity, Number(-100, 100))
      .Help(
          "Weight of 1 - the mean overlap (Jaccard) of an item's genres with those of earlier "
          "items, for new items of the catalog; needs genres in the catalog.");
}

struct ExternalRuleOptions {
  std::string address;
  double weight = 1;
  absl::Duration timeout = absl::Seconds(0.5);
  double default_value = 0;
};

void Describe(ExternalRuleOptions& external, const auto&, Table& table) {
  table.Key("address", external.address)
      .Must(external.address.empty() || kPeerAddress.holds(external.address), kPeerAddress.words)
      .Help("host:port of the service. Empty = none.");
  table.Key("weight", external.weight, Number(-100, 100)).Help("Weight of its values.");
  table.Key("timeout_s", external.timeout, Wait())
      .Help("Seconds the service has for the lists of one call.");
  table.Key("default_value", external.default_value, Number(-100, 100))
      .Help("Value of every rank when the answer is late or not as specified.");
}

struct RewardLimitsOptions {
  int max_calls_per_client = 0;
  int max_message_bytes = 16777216;
  int max_lists = 4096;
  int max_lines = 10000;
  int max_list_bytes = 1048576;
  int max_held_bytes = 268435456;
};

void Describe(RewardLimitsOptions& limits, const auto&, Table& table) {
  table.Key("max_calls_per_client", limits.max_calls_per_client, Integer(0))
      .Help("Concurrent requests per connection; 0 = no limit.");
  table.Key("max_message_bytes", limits.max_message_bytes, Integer(1024, 1 << 30))
      .Help("Bytes of one message.");
  table.Key("max_lists", limits.max_lists, Integer(1)).Help("Lists per call.");
  table.Key("max_lines", limits.max_lines, Integer(1))
      .Help("Lines per list, including blank ones.");
  table.Key("max_list_bytes", limits.max_list_bytes, Integer(1, limits.max_message_bytes))
      .Help("Bytes of one list.");
  table.Key("max_held_bytes", limits.max_held_bytes)
      .Must(limits.max_held_bytes >= limits.max_message_bytes,
            absl::StrCat("at least max_message_bytes = ",
                         limits.max_message_bytes,
                         ", or the largest request never finds room"))
      .Help("Bytes held for all requests together.");
}

struct MatchingOptions {
  int catalog_year_tolerance = 0;
  std::optional<catalog::Similarity> fuzzy;  // Absent = off.
  double fuzzy_threshold = 0.9;
};

void Describe(MatchingOptions& matching, const auto& run, Table& table) {
  table.Key("catalog_year_tolerance", matching.catalog_year_tolerance, Integer(0, 100))
      .Must(matching.catalog_year_tolerance == 0, "0", IsReference(run))
      .Help("Years a line may differ from the catalog's year for its title.");
  table.Key("fuzzy", matching.fuzzy, "off")
      .Must(!matching.fuzzy, "off", IsReference(run))
      .Help(
          "How titles that are not in the catalog are compared: off, edit (edit distance) or "
          "token_sort (the same with words sorted).");
  table.Key("fuzzy_threshold", matching.fuzzy_threshold, NumberAbove(0, 1))
      .Help("Lowest similarity at which a title counts.");
}

// Whether a list of discounts could be read and its numbers are from 0 to 100.
inline bool AreDiscounts(const std::optional<std::vector<double>>& discounts) {
  return discounts && std::all_of(discounts->begin(), discounts->end(), [](double discount) {
           return discount >= 0 && discount <= 100;
         });
}

struct RewardOptions {
  std::string listen = "127.0.0.1:50053";
  scoring::RewardRule rule = scoring::RewardRule::kExpInf;
  double gamma = 2;
  int year_tolerance = 2;
  double duplicate_reward = 0;
  double off_catalog_reward = 0;
  double seen_reward = 0;
  double malformed_reward = 0;
  int max_in_flight = 64;
  lists::EvaluationCut evaluation_cut = lists::EvaluationCut::kAfterFilter;
  double rule_weight = 1;
  std::string discounts;
  scoring::RewardTerms terms;
  ExternalRuleOptions external;
  int threads = 0;
  absl::Duration catalog_poll;
  RewardLimitsOptions limits;
  MatchingOptions matching;
};

// As long as its table: one row per key.
void Describe(RewardOptions& reward, const auto& run, Table& table) {
  using scoring::RewardRule;
  const bool uses_exp = reward.rule == RewardRule::kExp || reward.terms.exp != 0;
  const bool uses_dcg = reward.rule == RewardRule::kDcg || reward.terms.dcg != 0;
  const auto discounts = ParseNumberList(reward.discounts);
  const size_t num_discounts = discounts ? discounts->size() : 0;
  table.Key("listen", reward.listen, kListenAddress)
      .Place()
      .Help("host:port the reward service listens on; port 0 = any free one.");
  table.Key("rule", reward.rule)
      .Must(
          reward.rule == RewardRule::kExpInf || reward.rule == RewardRule::kLogDecay,
          "exp_inf or log_decay",
          IsReference(
              run, absl::StrCat(" and the published scripts have no ", base::NameOf(reward.rule))))
      .Help(
          "exp_inf (a rank is rewarded for its own hit), exp (discounted hits from the rank on, "
          "base gamma), log_decay (DCG from the rank on) or dcg (the same with reward.discounts).");
  table.Key("gamma", reward.gamma)
      .Must(reward.gamma > 1 || !uses_exp, "a number above 1 for rule exp")
      .IdleIf({!uses_exp, "reward.rule is not exp"})
      .Help("Base of the rule and term \"exp\".");
  table.Key("year_tolerance", reward.year_tolerance, Integer(0, 100))
      .Help("Years a title's release may differ from the ground truth.");
  table.Key("duplicate_reward", reward.duplicate_reward, Number(-100, 100))
      .Help(
          "Added to the reward of a rank that repeats an earlier item; 0 = off, negative = "
          "penalty. Not part of the published method.");
  table.Key("off_catalog_reward", reward.off_catalog_reward, Number(-100, 100))
      .Help(
          "Added to the reward of a rank that is not in the catalog. Not part of the published "
          "method.");
  table.Key("seen_reward", reward.seen_reward, Number(-100, 100))
      .Help(
          "Added to the reward of a rank whose title was named in the conversation. Not part of "
          "the published method.");
  table.Key("malformed_reward", reward.malformed_reward, Number(-100, 100))
      .Help(
          "Added to the reward of a line without \"Title (Year)\". Not part of the published "
          "method.");
  table.Key("max_in_flight", reward.max_in_flight, Integer(1, 100000))
      .Help("Requests waiting or being scored; more are refused with RESOURCE_EXHAUSTED.");
  table.Key("evaluation_cut", reward.evaluation_cut)
      .Help(
          "Whether evaluation cuts the list to N items \"after_filter\" or \"before_filter\"; the "
          "filter removes seen and off-catalog items.");
  table.Key("rule_weight", reward.rule_weight, Number(-100, 100)).Help("Weight of the rule.");
  table.Key("discounts", reward.discounts)
      .Must(AreDiscounts(discounts),
            "numbers from 0 to 100 with commas between, as in \"1, 0.5, 0.25\"")
      .NotEmpty(
          reward.discounts, "one number per rank for rule dcg, as in \"1, 0.5, 0.25\"", {uses_dcg})
      .Must({.holds = num_discounts <= static_cast<size_t>(run.data.num_ranks),
             .expected = absl::StrCat("at most data.num_ranks = ", run.data.num_ranks),
             .shown = absl::StrCat(num_discounts, " numbers long")})
      .Help(
          "Discounts of the rule and term \"dcg\", as in \"1, 0.5, 0.25\": one number >= 0 per "
          "rank; further ranks have 0.");
  table.Group(
      "terms",
      "Terms added to the rule, each with a weight; 0 = off. Not part of the published method.",
      reward.terms,
      run);
  table.Group("external",
              "A rule of your own: a service that implements proto/reward_rule.proto.",
              reward.external,
              run);
  table.Key("threads", reward.threads, Integer(0, kMaxThreads))
      .Help("Scoring threads; 0 = one per core, at most 4.");
  table
      .Key("catalog_poll_s",
           reward.catalog_poll,
           {.high = 86400, .words = "seconds from 0 (never) to 86400"})
      .Help(
          "Seconds between checks of the catalog's file, which is reloaded when it has changed; 0 "
          "= never. SIGHUP reloads it at any time.");
  table.Group("limits",
              "Limits of the service. A call above a size limit gets INVALID_ARGUMENT; when the "
              "service is busy, it gets RESOURCE_EXHAUSTED with a time to retry.",
              reward.limits,
              run);
  table.Group("matching",
              "When a line that is not exactly in the catalog counts as one of its items. Not part "
              "of the published method; evaluation metrics never use it.",
              reward.matching,
              run);
}

}  // namespace convrec::config
