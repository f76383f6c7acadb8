#include "libs/wire/list_score.h"

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/wire/common.h"
#include "libs/wire/fields.h"

namespace convrec::wire {
namespace {

using domain::LineOutcome;

// Far above what rules give; sums of squares of such rewards are far below the limit of float32.
constexpr float kMaxReward = 1e6f;

constexpr std::array<std::pair<LineOutcome, v1::LineOutcome>, 6> kOutcomes = {{
    {LineOutcome::kHit, v1::LINE_OUTCOME_HIT},
    {LineOutcome::kMiss, v1::LINE_OUTCOME_MISS},
    {LineOutcome::kOffCatalog, v1::LINE_OUTCOME_OFF_CATALOG},
    {LineOutcome::kDuplicate, v1::LINE_OUTCOME_DUPLICATE},
    {LineOutcome::kSeen, v1::LINE_OUTCOME_SEEN},
    {LineOutcome::kMalformed, v1::LINE_OUTCOME_MALFORMED},
}};

static_assert(static_cast<int>(domain::LineMatch::kNone) == v1::LINE_MATCH_UNSPECIFIED &&
              static_cast<int>(domain::LineMatch::kTitle) == v1::LINE_MATCH_TITLE &&
              static_cast<int>(domain::LineMatch::kAlias) == v1::LINE_MATCH_ALIAS &&
              static_cast<int>(domain::LineMatch::kNearYear) == v1::LINE_MATCH_NEAR_YEAR &&
              static_cast<int>(domain::LineMatch::kFuzzy) == v1::LINE_MATCH_FUZZY);

v1::LineOutcome ToProto(LineOutcome outcome) {
  for (const auto& [value, message] : kOutcomes) {
    if (value == outcome) return message;
  }
  CR_CHECK(false, "an outcome without a wire value");
}

std::optional<LineOutcome> FromProto(v1::LineOutcome outcome) {
  for (const auto& [value, message] : kOutcomes) {
    if (message == outcome) return value;
  }
  return std::nullopt;
}

absl::StatusOr<domain::ScoredLine> LineFromProto(const v1::ScoredLine& line) {
  domain::ScoredLine scored;
  if (line.line() < 0) return FieldError("line", line.line(), "an integer >= 0");
  scored.line = line.line();
  const std::optional<LineOutcome> outcome = FromProto(line.outcome());
  if (!outcome)
    return FieldError("outcome", static_cast<int>(line.outcome()), "a known LineOutcome");
  scored.outcome = *outcome;
  if ((*outcome == LineOutcome::kMalformed) == line.has_item()) {
    return FieldError("item",
                      line.has_item() ? "present" : "absent",
                      "an item exactly when the line is not malformed");
  }
  if (line.has_item()) {
    absl::StatusOr<domain::Item> item = wire::FromProto(line.item());
    if (!item.ok()) return Inside("item", item.status());
    scored.item = *std::move(item);
  }
  if (*outcome == LineOutcome::kMalformed && (line.in_catalog() || line.seen())) {
    return FieldError("outcome", "malformed", "no item, hence neither in_catalog nor seen");
  }
  if (line.has_ground_truth()) {
    if (*outcome != LineOutcome::kHit || line.ground_truth() < 0) {
      return FieldError("ground_truth", line.ground_truth(), "an index >= 0, on a hit only");
    }
    scored.ground_truth = line.ground_truth();
  }
  if (!v1::LineMatch_IsValid(line.match())) {
    return FieldError("match", static_cast<int>(line.match()), "a known LineMatch");
  }
  scored.match = static_cast<domain::LineMatch>(line.match());  // The same numbers.
  scored.in_catalog = line.in_catalog();
  scored.is_seen = line.seen();
  scored.is_duplicate = line.duplicate();
  return scored;
}

// A number in [0, 1], with room for the rounding of a sum of discounts.
bool IsShare(double value) { return value >= 0 && value <= 1 + 1e-9; }

absl::Status ReadShares(const google::protobuf::RepeatedField<double>& message,
                        const std::string& field,
                        std::array<double, 4>* values) {
  if (message.size() != static_cast<int>(values->size())) {
    return FieldError(
        field, absl::StrCat(message.size(), " long"), absl::StrCat(values->size(), " entries"));
  }
  for (int i = 0; i < message.size(); ++i) {
    if (!IsShare(message[i])) return FieldError(At(field, i), message[i], "a number from 0 to 1");
    (*values)[static_cast<size_t>(i)] = message[i];
  }
  return absl::OkStatus();
}

}  // namespace

v1::ListScore ToProto(const domain::ListScore& score) {
  v1::ListScore message;
  Write(score, &message);
  return message;
}

void Write(const domain::ScoredLine& line, v1::ScoredLine* message) {
  message->set_line(line.line);
  if (line.outcome != LineOutcome::kMalformed) {
    v1::Item* item = message->mutable_item();
    item->set_title(line.item.title);
    item->set_year(line.item.year);
  }
  message->set_outcome(ToProto(line.outcome));
  message->set_match(static_cast<v1::LineMatch>(line.match));
  message->set_in_catalog(line.in_catalog);
  message->set_seen(line.is_seen);
  message->set_duplicate(line.is_duplicate);
  if (line.ground_truth) message->set_ground_truth(*line.ground_truth);
}

void Write(const domain::ListScore& score, v1::ListScore* message) {
  message->mutable_rank_rewards()->Assign(score.rank_rewards.begin(), score.rank_rewards.end());
  message->mutable_lines()->Reserve(static_cast<int>(score.lines.size()));
  for (const domain::ScoredLine& line : score.lines) Write(line, message->add_lines());
  message->mutable_recall()->Assign(score.recall.begin(), score.recall.end());
  message->mutable_ndcg()->Assign(score.ndcg.begin(), score.ndcg.end());
  message->mutable_ndcg_strict()->Assign(score.ndcg_strict.begin(), score.ndcg_strict.end());
  message->set_in_catalog_ratio(score.in_catalog_ratio);
  message->set_format_ratio(score.format_ratio);
}

absl::StatusOr<domain::ListScore> FromProto(const v1::ListScore& score, int num_ranks) {
  domain::ListScore value;
  if (score.rank_rewards_size() != num_ranks) {
    return FieldError("rank_rewards",
                      absl::StrCat(score.rank_rewards_size(), " long"),
                      absl::StrCat(num_ranks, " entries, one per rank"));
  }
  for (int i = 0; i < num_ranks; ++i) {
    const float reward = score.rank_rewards(i);
    if (!(std::abs(reward) <= kMaxReward))
      return FieldError(At("rank_rewards", i), reward, "a number from -1e6 to 1e6");
  }
  value.rank_rewards.assign(score.rank_rewards().begin(), score.rank_rewards().end());
  for (int i = 0; i < score.lines_size(); ++i) {
    absl::StatusOr<domain::ScoredLine> line = LineFromProto(score.lines(i));
    if (!line.ok()) return Inside(At("lines", i), line.status());
    value.lines.push_back(*std::move(line));
  }
  CR_RETURN_IF_ERROR(ReadShares(score.recall(), "recall", &value.recall));
  CR_RETURN_IF_ERROR(ReadShares(score.ndcg(), "ndcg", &value.ndcg));
  CR_RETURN_IF_ERROR(ReadShares(score.ndcg_strict(), "ndcg_strict", &value.ndcg_strict));
  if (!IsShare(score.in_catalog_ratio()))
    return FieldError("in_catalog_ratio", score.in_catalog_ratio(), "a number from 0 to 1");
  if (!IsShare(score.format_ratio()))
    return FieldError("format_ratio", score.format_ratio(), "a number from 0 to 1");
  value.in_catalog_ratio = score.in_catalog_ratio();
  value.format_ratio = score.format_ratio();
  return value;
}

}  // namespace convrec::wire
