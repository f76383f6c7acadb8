#include "libs/config/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/files.h"
#include "tests/support/paths.h"

namespace convrec::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ReferenceTest, CommittedReferenceIsWhatTheTablesSay) {
  const auto committed = base::ReadFile(SourcePath("docs/configuration.md"));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(*committed, ReferenceMarkdown())
      << "write it again: convrec config --markdown > docs/configuration.md";
}

TEST(ReferenceTest, KeyHelpHasTypeDefaultRulesAndWhenAKeyIsIdle) {
  EXPECT_EQ(KeyHelp("learner.objective.correction_min"),
            "learner.objective.correction_min=0.5  (number)\n"
            "    Smaller weights are masked; used only by \"mask\".\n"
            "    Expects a number from 0 to 1.\n"
            "    Has no effect if learner.objective.correction is not mask.\n");
  EXPECT_THAT(KeyHelp("reward.matching"), HasSubstr("(off, edit, token_sort)"));
  EXPECT_THAT(KeyHelp("reward.matching"), HasSubstr("Expects off if compat is reference."));
  EXPECT_THAT(KeyHelp("reward.matching"), Not(HasSubstr("reward.listen")));
  EXPECT_THAT(KeyHelp("reward.match"), IsEmpty());
}

TEST(ReferenceTest, SectionsAreNamed) {
  EXPECT_THAT(SectionHelp(), HasSubstr("\n  rollout     Sampling of lists by rollout workers.\n"));
}

}  // namespace
}  // namespace convrec::config
