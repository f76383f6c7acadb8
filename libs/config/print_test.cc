#include "libs/config/print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/files.h"
#include "libs/config/load.h"

namespace convrec::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RunOptions Load(const std::vector<std::string>& files, const std::vector<std::string>& overrides) {
  auto options = LoadRunOptions(files, overrides);
  EXPECT_TRUE(options.ok()) << options.status();
  return options.ok() ? *std::move(options) : RunOptions();
}

RunOptions Reload(const std::string& text) {
  base::TemporaryDirectory directory;
  const std::string path = base::JoinPath(directory.path(), "resolved.yaml");
  EXPECT_TRUE(base::WriteFileAtomically(path, text).ok());
  return Load({path}, {});
}

RunOptions Unusual() {
  return Load({},
              {"name=odd",
               "seed=18446744073709551615",
               "compat=reference",
               "model.path=some model/ä \"x\"",
               "model.chat_date=2024-07-26",
               "data.instruction= lead {conversation}\ntab\tand : # colon\n\n",
               "telemetry.ports_dir=a$${b}",
               "learner.optimizer.learning_rate=1.2345678901234567e-7",
               "rollout.reward_timeout_s=0.1",
               "learner.steps=0"});
}

TEST(PrintTest, YamlReadsBackAsTheSameOptions) {
  for (const RunOptions& options : {Load({}, {}), Unusual()}) {
    EXPECT_THAT(ChangedKeys(options, Reload(PrintYaml(options))), IsEmpty());
  }
}

TEST(PrintTest, JsonReadsBackAsTheSameOptions) {
  for (const RunOptions& options : {Load({}, {}), Unusual()}) {
    EXPECT_THAT(ChangedKeys(options, Reload(PrintJson(options))), IsEmpty());
  }
}

TEST(PrintTest, YamlCarriesCommentsAndBlocks) {
  const std::string text = PrintYaml(Load({}, {}));
  EXPECT_THAT(text, HasSubstr("  # Lines a list should have: N of the method.\n  num_ranks: 20\n"));
  EXPECT_THAT(text,
              HasSubstr("  instruction: |-\n    Pretend you are a movie recommender system.\n"));
  EXPECT_THAT(text, HasSubstr("    learning_rate: 1.0e-06\n"));
}

TEST(PrintTest, ChangedKeysNameBothValues) {
  EXPECT_THAT(ChangedKeys(Load({}, {}), Load({}, {"learner.steps=6", "name=b"})),
              ElementsAre("name: \"convrec\" -> \"b\"", "learner.steps: 50 -> 6"));
}

TEST(PrintTest, EstimatorIsOneSentence) {
  EXPECT_EQ(
      DescribeEstimator(Load({}, {})),
      "rank_grpo: rank ratio, rank advantage, loss paper, clip [0.94, 1.08], KL 0.001, reward "
      "exp_inf, compat fixed");
  EXPECT_EQ(DescribeEstimator(
                Load({}, {"learner.objective.method=dapo", "learner.objective.correction=mask"})),
            "dapo: token ratio, sequence advantage, loss bnpo, clip [0.8, 1.28], KL 0, rank "
            "weights with mask, "
            "dynamic sampling, reward exp_inf, compat fixed");
}

}  // namespace
}  // namespace convrec::config
