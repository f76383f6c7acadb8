#include "libs/joins/run_joins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/errors.h"
#include "libs/config/load.h"
#include "tests/support/paths.h"

namespace convrec::joins {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string Field(const std::string& name) { return SourcePath("tests/field/training/" + name); }

// A run on `rows` with `catalog` that does not start with supervised training.
config::RunOptions OptionsOf(const std::string& catalog, const std::string& rows) {
  config::RunOptions options;
  options.data.catalog = catalog;
  options.data.train.path = rows;
  options.data.test.path = rows;
  options.learner.sft.steps = 0;
  options.learner.steps = 1;
  options.evaluation.every_steps = 0;
  return options;
}

std::vector<std::string> TextsOf(const std::vector<Finding>& findings, const std::string& part) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings) {
    if (finding.part == part) texts.push_back(finding.text);
  }
  return texts;
}

TEST(RunJoinsTest, DataInWhichNoTruthCanBeHitIsAFault) {
  const std::vector<Finding> findings =
      CheckRun(OptionsOf(Field("catalog.jsonl"), Field("gt_off.jsonl")));
  const absl::Status status = FirstFault(findings);
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadData);
  EXPECT_THAT(std::string(status.message()),
              AllOf(StartsWith("data.train: 0 of 24 truths can be hit"),
                    HasSubstr("row t0, \"Moon, Dark (2012)\""),
                    EndsWith("data.least_hittable asks for 10 %")));
}

TEST(RunJoinsTest, TheBoundIsASetting) {
  config::RunOptions options = OptionsOf(Field("catalog.jsonl"), Field("gt_off.jsonl"));
  options.data.least_hittable = 0;
  const std::vector<Finding> findings = CheckRun(options);
  EXPECT_TRUE(FirstFault(findings).ok()) << FirstFault(findings);
  EXPECT_EQ(findings[1].verdict, Verdict::kWarning);
  EXPECT_THAT(findings[1].text, StartsWith("0 of 24 truths can be hit"));
}

TEST(RunJoinsTest, TruthsWithoutAYearAreCounted) {
  const std::vector<Finding> findings =
      CheckRun(OptionsOf(Field("catalog.jsonl"), Field("pairs.jsonl")));
  EXPECT_TRUE(FirstFault(findings).ok()) << FirstFault(findings);
  EXPECT_THAT(TextsOf(findings, "data.train"),
              testing::Contains(
                  AllOf(StartsWith("48 truths are left out because they have no year, first: "),
                        EndsWith("pairs.jsonl:1: \"Red Sea\""))));
}

TEST(RunJoinsTest, ACatalogWhoseTitlesHoldTheYearIsAFault) {
  const absl::Status status =
      FirstFault(CheckRun(OptionsOf(Field("catalog_yt.jsonl"), Field("gt_off.jsonl"))));
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadData);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("catalog_yt.jsonl:1: field \"title\" is \"Red Sea (1960)\""));
}

TEST(RunJoinsTest, AFileThatIsMissingIsAFaultOfItsOwnKind) {
  const absl::Status status =
      FirstFault(CheckRun(OptionsOf(Field("catalog.jsonl"), "/no/rows.jsonl")));
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitIo);
  EXPECT_THAT(std::string(status.message()), StartsWith("data.train: "));
}

TEST(RunJoinsTest, AnswersAreCheckedWhereTheyAreLearned) {
  config::RunOptions options = OptionsOf(Field("catalog.jsonl"), Field("pairs.jsonl"));
  options.learner.sft.steps = 1;
  options.data.sft.path = Field("gt_off.jsonl");
  options.data.sft_targets = config::SftTargets::kCompletion;
  EXPECT_THAT(TextsOf(CheckRun(options), "data.sft"),
              testing::ElementsAre("all 72 lines of the answers name items of the catalog"));
  options.data.sft_targets = config::SftTargets::kCooccurrence;
  EXPECT_THAT(TextsOf(CheckRun(options), "data.sft"), IsEmpty());
}

TEST(RunJoinsTest, TitlesAreWrittenInTokensAndReadBack) {
  config::RunOptions options = OptionsOf(Field("catalog_odd.jsonl"), Field("pairs.jsonl"));
  options.model.path = SourcePath("tests/golden/tokenizer/smollm2");
  options.rollout.max_new_tokens = 40;
  const std::vector<Finding> findings = CheckRun(options);
  EXPECT_THAT(
      TextsOf(findings, "data.catalog"),
      testing::ElementsAre("all 57 titles are read back from a list",
                           StartsWith("all 57 titles can be written with the tokenizer, ")));
  EXPECT_THAT(
      TextsOf(findings, "rollout.max_new_tokens"),
      testing::ElementsAre(StartsWith("40 tokens cut most lists: 20 average titles take ")));
}

TEST(RunJoinsTest, TheSampleGoesTogether) { EXPECT_THAT(CheckRun({}), IsEmpty()); }

}  // namespace
}  // namespace convrec::joins
