#include "libs/config/key_completion.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> Words(const std::string& word) {
  std::vector<std::string> words;
  for (const base::Candidate& candidate : CompleteKey(word)) words.push_back(candidate.word);
  return words;
}

TEST(KeyCompletionTest, GoesDownLevelByLevel) {
  EXPECT_THAT(Words(""), Contains("learner."));
  EXPECT_THAT(Words(""), Contains("run_dir="));
  EXPECT_THAT(Words(""), Not(Contains("learner.steps=")));
  EXPECT_THAT(Words("learner.step"), ElementsAre("learner.steps="));
  EXPECT_THAT(Words("learner.sf"), ElementsAre("learner.sft."));
  EXPECT_THAT(Words("learner.sft.steps"), ElementsAre("learner.sft.steps="));
  EXPECT_THAT(Words("lerner."), IsEmpty());
}

TEST(KeyCompletionTest, ValuesAreThoseOfTheTable) {
  EXPECT_THAT(Words("learner.objective.method=g"),
              ElementsAre("learner.objective.method=grpo", "learner.objective.method=gspo"));
  EXPECT_THAT(Words("rollout.constrained="),
              ElementsAre("rollout.constrained=true", "rollout.constrained=false"));
  EXPECT_THAT(Words("learner.steps="), IsEmpty());
  EXPECT_THAT(Words("no.such.key="), IsEmpty());
}

TEST(KeyCompletionTest, EveryCandidateHasTheKeysHelp) {
  const std::vector<base::Candidate> candidates = CompleteKey("learner.");
  EXPECT_FALSE(candidates.empty());
  for (const base::Candidate& candidate : candidates) EXPECT_NE(candidate.help, "");
}

}  // namespace
}  // namespace convrec::config
