#include "libs/telemetry/table_series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/statistics/step_table.h"

namespace convrec::telemetry {
namespace {

using statistics::Kind;
using statistics::Metric;
using statistics::Shape;
using statistics::Statistic;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kBounds[] = {1, 2};
constexpr Metric kStages = {.name = "rl_t_seconds",
                            .kind = Kind::kHistogram,
                            .labels = "stage=a,b",
                            .bounds = kBounds,
                            .help = "Time by stage."};
constexpr Metric kLags = {
    .name = "rl_t_lags", .kind = Kind::kHistogram, .bounds = kBounds, .help = "Lags."};
constexpr Statistic kTable[] = {
    {.name = "hidden", .help = "Is not exported."},
    {.name = "plain", .help = "A number.", .exported = {.name = "rl_t_plain"}},
    {.name = "ranked",
     .shape = Shape::kByRank,
     .help = "By rank.",
     .exported = {.name = "rl_t_ranked"}},
    {.name = "cut",
     .shape = Shape::kAtCutoffs,
     .help = "At cutoffs.",
     .exported = {.name = "rl_t_cut"}},
    {.name = "tokens",
     .shape = Shape::kCount,
     .help = "Tokens.",
     .exported = {.name = "rl_t_tokens_total", .kind = Kind::kCounter}},
    {.name = "a_s",
     .help = "Time of a.",
     .exported = {.family = &kStages, .label = "stage", .value = "a"}},
    {.name = "b_s",
     .help = "Time of b.",
     .exported = {.family = &kStages, .label = "stage", .value = "b"}},
    {.name = "lags", .shape = Shape::kSamples, .help = "Lags.", .exported = {.family = &kLags}},
};

std::string Of(const std::string& more) { return "{component=\"learner\",run=\"r\"" + more + "}"; }

TEST(TableSeriesTest, EveryRowOfTheTableIsExportedAsItsShapeSays) {
  Metrics metrics("r", "learner");
  const TableSeries series(&metrics, kTable, 2);
  statistics::Values<kTable> record;
  record["hidden"] = 5;
  record["plain"] = 0.5;
  record.list("ranked") = {0.25, 0.75, 9};  // The third is past the list.
  record.list("cut") = {1, 2, 3, 4};
  record["tokens"] = 10;
  record["a_s"] = 0.5;
  record["b_s"] = 1.5;
  record.list("lags") = {0, 2, 2};
  series.Observe(record);
  series.Observe(record);
  const std::string text = metrics.Serialize();
  EXPECT_THAT(text, HasSubstr("# HELP rl_t_plain A number.\n"));
  EXPECT_THAT(text, HasSubstr("rl_t_plain" + Of("") + " 0.5\n"));
  EXPECT_THAT(text, HasSubstr("rl_t_ranked" + Of(",position=\"2\"") + " 0.75\n"));
  EXPECT_THAT(text, Not(HasSubstr("position=\"3\"")));
  EXPECT_THAT(text, HasSubstr("rl_t_cut" + Of(",k=\"20\"") + " 4\n"));
  EXPECT_THAT(text, HasSubstr("rl_t_tokens_total" + Of("") + " 20\n"));  // Twice.
  EXPECT_THAT(text, HasSubstr("rl_t_seconds_sum" + Of(",stage=\"a\"") + " 1\n"));
  EXPECT_THAT(text, HasSubstr("rl_t_seconds_sum" + Of(",stage=\"b\"") + " 3\n"));
  EXPECT_THAT(text, HasSubstr("rl_t_lags_count" + Of("") + " 6\n"));
  EXPECT_THAT(text, Not(HasSubstr("hidden")));
}

TEST(TableSeriesTest, SeriesStandAtZeroBeforeTheFirstRecord) {
  Metrics metrics("r", "learner");
  const TableSeries series(&metrics, kTable, 2);
  EXPECT_THAT(metrics.Serialize(), HasSubstr("rl_t_ranked" + Of(",position=\"1\"") + " 0\n"));
}

TEST(TableSeriesTest, TablesMayShareASeries) {
  Metrics metrics("r", "learner");
  const TableSeries sft(&metrics, statistics::kSftTable, 2), rl(&metrics, statistics::kRlTable, 2);
  statistics::Values<statistics::kSftTable> supervised;
  statistics::Values<statistics::kRlTable> reinforced;
  supervised["tokens"] = 3;
  reinforced["tokens"] = 4;
  sft.Observe(supervised);
  rl.Observe(reinforced);
  EXPECT_THAT(metrics.Serialize(), HasSubstr("rl_learner_tokens_total" + Of("") + " 7\n"));
}

}  // namespace
}  // namespace convrec::telemetry
