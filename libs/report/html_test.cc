#include "libs/report/html.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHostile[] = "<script>alert('x')</script>&\"";

SampleList ListOf(const std::string& id, const std::string& line, domain::LineOutcome outcome) {
  return {id, kHostile, {{kHostile, 1999}}, {{line, outcome}}};
}

RunLog SomeRun() {
  RunLog log;
  Evaluation evaluation;
  evaluation["rows"] = 500;
  for (const Stage stage : {Stage::kSft, Stage::kRl}) {
    evaluation.stage = stage;
    evaluation.split = Split::kTest;
    evaluation.step = 30;
    // Lists of two ranks: what is beyond them changes no figure.
    evaluation.list("ndcg") = std::vector<double>(4, stage == Stage::kSft ? 0.4 : 0.5);
    evaluation.list("hits_by_rank") = {0.3, 0.1};
    AddRecord(evaluation, &log);
  }
  for (int step = 1; step <= 30; ++step) {
    SftStep sft;
    sft.step = step;
    sft["loss"] = 2.0 / step;
    AddRecord(sft, &log);
    RlStep rl;
    rl.step = step;
    rl.total_steps = 30;
    rl["reward"] = 0.01 * step;
    rl.list("reward_by_rank") = {0.02 * step, -0.01};
    rl.list("kl_by_rank") = {0.01, 0.02};
    rl["seconds"] = 2;
    rl["wait_s"] = 1;
    AddRecord(rl, &log);
  }
  AddRecord(Samples{Stage::kSft, 30, {ListOf("v-1", "1. Heat (1995)", domain::LineOutcome::kMiss)}},
            &log);
  AddRecord(Samples{Stage::kRl,
                    30,
                    {ListOf("v-1", std::string("1. ") + kHostile, domain::LineOutcome::kHit)}},
            &log);
  AddRecord(Event{kHostile}, &log);
  return log;
}

TEST(HtmlTest, PageIsSelfContained) {
  const std::string page = RenderPage(SomeRun(), {{"run", "digest", 1, 60, true, 0}, {}});
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
}

TEST(HtmlTest, HostileTextIsEscapedEverywhere) {
  const std::string page =
      RenderPage(SomeRun(), {{kHostile, kHostile, 1, 60, true, 0}, {{kHostile, kHostile}}});
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
}

TEST(HtmlTest, ShowsCurvesListsAndNotes) {
  const std::string page =
      RenderPage(SomeRun(), {{"run", "digest", 1, 60, true, 0}, {{"estimator", "rank ratio"}}});
  for (const char* part : {"Reward by rank",
                           "NDCG@k",
                           "Clip fraction",
                           "Entropy",
                           "List length",
                           "Time of a step",
                           "KL by rank",
                           "Hits by rank",
                           "Supervised warm start",
                           "Sample lists",
                           "rank ratio",
                           "x1.25",
                           "One run with one seed"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
}

TEST(HtmlTest, HitsAreMarkedAndLinesAreNumberedOnce) {
  const std::string page = RenderPage(SomeRun(), {});
  EXPECT_THAT(page, HasSubstr("hit-line"));
  EXPECT_THAT(page, HasSubstr("<span>1</span><span></span><span>Heat (1995)</span>"));
}

TEST(HtmlTest, EmptyLogGivesAPage) {
  const std::string page = RenderPage(RunLog{}, {});
  EXPECT_THAT(page, HasSubstr("</html>"));
  EXPECT_THAT(page, Not(HasSubstr("<svg")));
}

}  // namespace
}  // namespace convrec::report
