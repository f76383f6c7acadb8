#include "libs/report/activity.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/files.h"

namespace convrec::report {
namespace {

using ::testing::HasSubstr;

Activity Sampling() {
  return {.kind = Activity::Kind::kSampling,
          .stage = "RL",
          .step = 13,
          .total_steps = 200,
          .done = 5,
          .of = 16,
          .seconds = 24,
          .workers = 2,
          .lease = Activity::Lease{.worker = "rollout-1", .group = "0/37", .seconds = 41},
          .pid = 7};
}

TEST(ActivityTest, SaysWhatIsUnderWorkAndWhoIsWaitedFor) {
  EXPECT_EQ(FormatActivity(Sampling()),
            "RL step 13 of 200: sampled 5 of 16 groups, 24s; 2 workers; waiting 41s for rollout-1 "
            "(group 0/37)");
}

TEST(ActivityTest, EachKindHasItsWords) {
  const auto words = [](Activity activity) {
    activity.seconds = 3;
    return WorkOf(activity);
  };
  using Kind = Activity::Kind;
  EXPECT_EQ(words({.what = "loading the model"}), "loading the model, 3.0s");
  EXPECT_EQ(words({.kind = Kind::kTraining, .done = 3, .of = 12}),
            "trained 3 of 12 micro-batches, 3.0s");
  EXPECT_EQ(words({.kind = Kind::kPublishing}), "publishing the weights, 3.0s");
  EXPECT_EQ(words({.kind = Kind::kEvaluating,
                   .what = "evaluation before training (test)",
                   .done = 120,
                   .of = 600}),
            "evaluation before training (test): 120 of 600 lists, 3.0s");
}

TEST(ActivityTest, AnEvaluationIsNamedByItsPlaceInTheRun) {
  EXPECT_EQ(DescribeEvaluation(Stage::kZeroShot, 0, Split::kTest),
            "evaluation before training (test)");
  EXPECT_EQ(DescribeEvaluation(Stage::kRl, 20, Split::kValidation),
            "evaluation after RL step 20 (validation)");
}

TEST(ActivityTest, MissingWorkersAreNamedWhereTheyAreNeeded) {
  EXPECT_EQ(WorkersOf({.kind = Activity::Kind::kEvaluating}), "no worker is connected");
  EXPECT_EQ(WorkersOf({.kind = Activity::Kind::kTraining}), "");
  EXPECT_EQ(WorkersOf({.kind = Activity::Kind::kTraining, .workers = 1}), "1 worker");
}

TEST(ActivityTest, AWorkersNameCannotWriteToTheTerminal) {
  Activity activity = Sampling();
  activity.lease->worker = "a\x1b[2J\n";
  EXPECT_EQ(AwaitedOf(activity), "waiting 41s for a?[2J? (group 0/37)");
}

TEST(ActivityTest, TheFileHoldsItWhole) {
  const base::TemporaryDirectory dir;
  EXPECT_TRUE(absl::IsNotFound(ReadActivity(dir.path()).status()));
  for (Activity activity : {Sampling(), Activity{.what = "loading the model"}}) {
    ASSERT_TRUE(WriteActivity(dir.path(), activity).ok());
    const auto read = ReadActivity(dir.path());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, activity);
  }
}

TEST(ActivityTest, AMalformedFileIsNamed) {
  const base::TemporaryDirectory dir;
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "JSON object"},
           {"{\"kind\":\"resting\"}", "field \"kind\" is \"resting\""},
           {"{\"kind\":\"sampling\",\"what\":7}", "field \"what\" is 7"}}) {
    ASSERT_TRUE(base::WriteFileAtomically(ProgressPath(dir.path()), text).ok());
    const absl::Status status = ReadActivity(dir.path()).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr(ProgressPath(dir.path())));
    EXPECT_THAT(std::string(status.message()), HasSubstr(expected));
  }
}

}  // namespace
}  // namespace convrec::report
