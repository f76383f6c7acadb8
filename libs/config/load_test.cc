#include "libs/config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "tests/support/paths.h"

namespace convrec::config {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LoadTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = base::JoinPath(directory_.path(), name);
    EXPECT_TRUE(base::WriteFileAtomically(path, text).ok());
    return path;
  }
  // Loads one file with `text` and returns the message of the error.
  std::string ErrorOf(const std::string& text) { return ErrorOf({Write("run.yaml", text)}, {}); }
  static std::string ErrorOf(const std::vector<std::string>& files,
                             const std::vector<std::string>& overrides) {
    const auto options = LoadRunOptions(files, overrides);
    EXPECT_FALSE(options.ok());
    EXPECT_EQ(base::ExitCodeOf(options.status()), base::kExitBadConfig) << options.status();
    return std::string(options.status().message());
  }
  std::string Path(const std::string& name) const {
    return base::JoinPath(directory_.path(), name);
  }

  base::TemporaryDirectory directory_;
};

TEST_F(LoadTest, DefaultsAreThePublishedSettings) {
  const auto options = LoadRunOptions({}, {});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->data.num_ranks, 20);
  EXPECT_EQ(options->rollout.siblings, 8);
  EXPECT_EQ(options->rollout.reward_timeout, absl::Seconds(60));
  EXPECT_EQ(options->learner.objective.clip_low, 0.06);
  EXPECT_EQ(options->learner.objective.clip_high, 0.08);
  EXPECT_EQ(options->learner.objective.kl_beta, 1e-3);
  EXPECT_EQ(options->learner.objective.loss_type, LossType::kPaper);
  EXPECT_EQ(options->learner.optimizer.learning_rate, 1e-6);
  EXPECT_EQ(options->learner.optimizer.beta2, 0.99);
  EXPECT_EQ(options->learner.sft.optimizer.schedule, Decay::kCosine);
  EXPECT_THAT(options->data.instruction, EndsWith("\n\nHere is the conversation: {conversation}"));
}

TEST_F(LoadTest, LaterFilesAndOverridesReplaceSingleKeys) {
  const std::string first =
      Write("a.yaml", "seed: 5\nlearner:\n  steps: 7\n  groups_per_step: 3\n");
  const std::string second = Write("b.yaml", "learner: {steps: 8}\n");
  const auto options =
      LoadRunOptions({first, second}, {"learner.threads=2", "learner.sft={steps: 0}"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->seed, 5u);
  EXPECT_EQ(options->learner.steps, 8);
  EXPECT_EQ(options->learner.groups_per_step, 3);
  EXPECT_EQ(options->learner.threads, 2);
  EXPECT_EQ(options->learner.sft.steps, 0);
  EXPECT_EQ(options->learner.sft.rows_per_step, 16);
}

TEST_F(LoadTest, ZeroIsAValueAndNotTheDefault) {
  const auto options = LoadRunOptions(
      {Write("run.yaml", "evaluation: {samples: 0, zero_shot: false}\n")}, {"learner.steps=0"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->evaluation.samples, 0);
  EXPECT_FALSE(options->evaluation.zero_shot);
  EXPECT_EQ(options->learner.steps, 0);
}

TEST_F(LoadTest, FilesOfTheRepositoryAreTaken) {
  for (const auto& entry : std::filesystem::directory_iterator(SourcePath("configs"))) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_TRUE(LoadRunOptions({entry.path()}, {}).ok()) << entry.path();
  }
}

TEST_F(LoadTest, EmptyFileChangesNothing) {
  EXPECT_TRUE(LoadRunOptions({Write("run.yaml", "# nothing\n")}, {}).ok());
}

TEST_F(LoadTest, JsonIsTaken) {
  const auto options = LoadRunOptions(
      {Write("run.json", "{\"learner\": {\"optimizer\": {\"learning_rate\": 2e-6}}}")}, {});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->learner.optimizer.learning_rate, 2e-6);
}

TEST_F(LoadTest, UnknownKeyIsRefusedWithTheNearestOne) {
  EXPECT_EQ(ErrorOf("seed: 1\nlerner:\n  steps: 1\n"),
            Path("run.yaml") + ":2: unknown key \"lerner\"; did you mean \"learner\"?");
  EXPECT_EQ(ErrorOf("learner:\n  optimizer:\n    learning_rat: 1\n"),
            Path("run.yaml") +
                ":3: unknown key \"learning_rat\" in learner.optimizer; "
                "did you mean \"learner.optimizer.learning_rate\"?");
  EXPECT_EQ(ErrorOf("siblings: 8\n"),
            Path("run.yaml") + ":1: unknown key \"siblings\"; did you mean \"rollout.siblings\"?");
  EXPECT_EQ(ErrorOf("qqqqqqqq: 8\n"), Path("run.yaml") + ":1: unknown key \"qqqqqqqq\"");
}

TEST_F(LoadTest, KeySetTwiceIsRefused) {
  EXPECT_EQ(ErrorOf("learner:\n  steps: 1\n  steps: 2\n"),
            Path("run.yaml") + ":3: key \"learner.steps\" is set twice");
}

TEST_F(LoadTest, WrongTypesAreRefused) {
  EXPECT_EQ(ErrorOf("learner:\n  steps: many\n"),
            Path("run.yaml") + ":2: learner.steps is many: expected an integer");
  EXPECT_EQ(ErrorOf("learner: {steps: 1.5}\n"),
            Path("run.yaml") + ":1: learner.steps is 1.5: expected an integer");
  EXPECT_EQ(ErrorOf("learner: {steps: \"5\"}\n"),
            Path("run.yaml") + ":1: learner.steps is the text \"5\": expected an integer");
  EXPECT_EQ(ErrorOf("learner: {steps: 99999999999}\n"),
            Path("run.yaml") + ":1: learner.steps is 99999999999: expected an integer");
  EXPECT_EQ(ErrorOf("seed: -1\n"), Path("run.yaml") + ":1: seed is -1: expected an integer >= 0");
  EXPECT_EQ(ErrorOf("reward: {gamma: .inf}\n"),
            Path("run.yaml") + ":1: reward.gamma is .inf: expected a number");
  EXPECT_EQ(ErrorOf("reward: {gamma: nan}\n"),
            Path("run.yaml") + ":1: reward.gamma is nan: expected a number");
  EXPECT_EQ(ErrorOf("evaluation: {zero_shot: yes}\n"),
            Path("run.yaml") + ":1: evaluation.zero_shot is yes: expected true or false");
  EXPECT_EQ(ErrorOf("name: [a]\n"), Path("run.yaml") + ":1: name is a list: expected a text");
  EXPECT_EQ(ErrorOf("learner: 5\n"),
            Path("run.yaml") + ":1: learner is \"5\": expected keys and values");
}

TEST_F(LoadTest, KeyWithoutValueIsRefused) {
  EXPECT_EQ(ErrorOf("seed:\n"),
            Path("run.yaml") + ":1: seed is without a value: expected an integer >= 0");
  EXPECT_EQ(ErrorOf("name: ~\n"),
            Path("run.yaml") + ":1: name is without a value: expected a text");
  EXPECT_EQ(ErrorOf("learner:\n"),
            Path("run.yaml") + ":1: learner is without a value: expected keys and values");
}

TEST_F(LoadTest, BrokenYamlIsRefusedWithItsLine) {
  EXPECT_THAT(ErrorOf("seed: 1\nlearner: {steps: 1\nname: a\n"),
              StartsWith(Path("run.yaml") + ":3: not valid YAML"));
  EXPECT_THAT(ErrorOf("- 1\n"), HasSubstr(":1: expected keys and values"));
  EXPECT_THAT(ErrorOf("seed: 1\n---\nseed: 2\n"), HasSubstr("2 YAML documents"));
}

TEST_F(LoadTest, MissingFileIsABadConfiguration) {
  EXPECT_THAT(ErrorOf({Path("none.yaml")}, {}), HasSubstr("none.yaml"));
}

TEST_F(LoadTest, UnknownNameListsTheKnownOnesAndItsPlace) {
  EXPECT_EQ(ErrorOf("learner:\n  objective:\n    loss_type: dr_grop\n"),
            Path("run.yaml") +
                ":3: learner.objective.loss_type is \"dr_grop\": expected one of paper, bnpo, "
                "grpo, dr_grpo; "
                "did you mean \"dr_grpo\"?");
}

TEST_F(LoadTest, BrokenRangeNamesThePlaceThatSetIt) {
  EXPECT_EQ(ErrorOf("rollout:\n  siblings: 1\n"),
            Path("run.yaml") +
                ":2: rollout.siblings is 1: expected at least 2, since learner.steps is above 0 "
                "and an advantage "
                "compares siblings");
  EXPECT_THAT(ErrorOf({}, {"data.num_ranks=0"}),
              StartsWith("override \"data.num_ranks=0\": data.num_ranks is 0"));
}

TEST_F(LoadTest, BadOverridesAreRefused) {
  EXPECT_EQ(ErrorOf({}, {"learner.stepps=5"}),
            "override \"learner.stepps=5\": unknown key \"stepps\" in learner; did you mean "
            "\"learner.steps\"?");
  EXPECT_EQ(ErrorOf({}, {"steps"}),
            "override \"steps\": expected KEY=VALUE, as in learner.steps=5");
  EXPECT_EQ(ErrorOf({}, {"seed.x=1"}), "override \"seed.x=1\": seed has no keys below it");
  EXPECT_EQ(ErrorOf({}, {"learner=5"}),
            "override \"learner=5\": learner is \"5\": expected keys and values");
  EXPECT_EQ(ErrorOf({}, {"seed="}),
            "override \"seed=\": seed is without a value: expected an integer >= 0");
}

TEST_F(LoadTest, TextOverridesNeedNoQuotes) {
  const auto options = LoadRunOptions({},
                                      {"data.instruction={conversation} #1: [go]",
                                       "learner.listen=[::1]:0",
                                       "model.path=",
                                       "name=\"quoted\""});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->data.instruction, "{conversation} #1: [go]");
  EXPECT_EQ(options->learner.listen, "[::1]:0");
  EXPECT_EQ(options->model.path, "");
  EXPECT_EQ(options->name, "quoted");
}

TEST_F(LoadTest, RelativeInputPathsStartAtTheFileThatSetsThem) {
  ASSERT_TRUE(base::MakeDirectories(Path("sub")).ok());
  const std::string inner = Write("sub/a.yaml", "model: {path: ../model}\nrun_dir: runs/x\n");
  const std::string outer =
      Write("b.yaml",
            "data: {catalog: catalog.jsonl, train: {path: t.jsonl}, sft: {path: /abs/s.jsonl}, "
            "validation: {path: v.jsonl}}\n");
  const auto options = LoadRunOptions({inner, outer}, {"data.test.path=test.jsonl"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->model.path, Path("model"));
  EXPECT_EQ(options->data.catalog, Path("catalog.jsonl"));
  EXPECT_EQ(options->data.train.path, Path("t.jsonl"));
  EXPECT_EQ(options->data.sft.path, "/abs/s.jsonl");
  EXPECT_EQ(options->data.test.path, (std::filesystem::current_path() / "test.jsonl").string());
  EXPECT_EQ(options->run_dir, "runs/x");
}

TEST_F(LoadTest, VariablesAndHomeExpand) {
  setenv("CONVREC_TEST_NAME", "blue", 1);
  setenv("HOME", "/home/of-test", 1);
  const auto options = LoadRunOptions({},
                                      {"name=run-${CONVREC_TEST_NAME}",
                                       "model.path=~/m",
                                       "run_dir=~/r",
                                       "telemetry.ports_dir=a$${b"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->name, "run-blue");
  EXPECT_EQ(options->model.path, "/home/of-test/m");
  EXPECT_EQ(options->run_dir, "/home/of-test/r");
  EXPECT_EQ(options->telemetry.ports_dir, "a${b");
}

TEST_F(LoadTest, UnsetVariableIsRefused) {
  unsetenv("CONVREC_TEST_UNSET");
  EXPECT_EQ(ErrorOf("model:\n  path: ${CONVREC_TEST_UNSET}/m\n"),
            Path("run.yaml") +
                ":2: model.path: \"${CONVREC_TEST_UNSET}/m\" needs the environment variable "
                "CONVREC_TEST_UNSET, "
                "which is not set");
  EXPECT_THAT(ErrorOf("model: {path: \"${open\"}\n"), HasSubstr("without a variable name"));
}

TEST_F(LoadTest, ReferenceCompatStartsFromBnpoAndYieldsToTheUser) {
  const auto reference = LoadRunOptions({}, {"compat=reference"});
  ASSERT_TRUE(reference.ok()) << reference.status();
  EXPECT_EQ(reference->compat, Compat::kReference);
  EXPECT_EQ(reference->learner.objective.loss_type, LossType::kBnpo);
  const auto chosen = LoadRunOptions({}, {"compat=reference", "learner.objective.loss_type=paper"});
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->learner.objective.loss_type, LossType::kPaper);
}

TEST_F(LoadTest, MethodSetsTheDefaultsOfTheOtherKeysAndSetKeysWin) {
  const auto objective = [](const std::vector<std::string>& overrides) {
    const auto options = LoadRunOptions({}, overrides);
    EXPECT_TRUE(options.ok()) << options.status();
    return options.ok() ? options->learner.objective : ObjectiveOptions();
  };
  const ObjectiveOptions dapo = objective({"learner.objective.method=dapo"});
  EXPECT_EQ(dapo.ratio_unit, Unit::kToken);
  EXPECT_EQ(dapo.advantage_unit, Unit::kSequence);
  EXPECT_EQ(dapo.loss_type, LossType::kBnpo);
  EXPECT_EQ(dapo.clip_high, 0.28);
  EXPECT_EQ(dapo.end_of_list_reward, 0);
  EXPECT_TRUE(dapo.dynamic_sampling);
  EXPECT_TRUE(dapo.mask_truncated);
  EXPECT_EQ(objective({"learner.objective.method=gspo"}).ratio_unit, Unit::kSequence);
  EXPECT_EQ(objective({"learner.objective.method=grpo"}).loss_type, LossType::kGrpo);
  EXPECT_EQ(objective({"learner.objective.method=grpo", "compat=reference"}).loss_type,
            LossType::kGrpo);
  EXPECT_FALSE(objective({"learner.objective.method=dr_grpo"}).scale_rewards);
  const ObjectiveOptions mine =
      objective({"learner.objective.method=dapo", "learner.objective.clip_high=0.3"});
  EXPECT_EQ(mine.clip_high, 0.3);
  EXPECT_EQ(mine.clip_low, 0.2);
  EXPECT_EQ(ErrorOf("learner:\n  objective:\n    method: grpos\n"),
            Path("run.yaml") +
                ":3: learner.objective.method is \"grpos\": expected one of "
                "rank_grpo, grpo, gspo, dr_grpo, dapo; did you mean \"grpo\"?");
}

TEST_F(LoadTest, CorrectionAndTokenAdvantagesAreRefusedWhereTheyMeanNothing) {
  EXPECT_THAT(ErrorOf({}, {"learner.objective.advantage_unit=token"}),
              HasSubstr("no token has one of its own"));
  EXPECT_THAT(ErrorOf({}, {"learner.objective.correction=mask", "compat=reference"}),
              HasSubstr("since compat is reference"));
  EXPECT_THAT(ErrorOf({}, {"learner.objective.correction_max=3"}),
              HasSubstr("learner.objective.correction is off"));
  EXPECT_THAT(
      ErrorOf({}, {"learner.objective.method=grpo", "learner.objective.early_stop_penalty=-1"}),
      HasSubstr("advantage_unit is sequence"));
  EXPECT_TRUE(LoadRunOptions(
                  {}, {"learner.objective.correction=mask", "learner.objective.correction_max=3"})
                  .ok());
}

TEST_F(LoadTest, KeyOfAnEarlierVersionIsDroppedFromAFileAndRefusedInAnOverride) {
  const std::string file =
      Write("old.yaml", "reward:\n  limits:\n    max_streams: 7\n    max_lists: 9\n");
  const auto options = LoadRunOptions({file}, {});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->reward.limits.max_lists, 9);
  EXPECT_THAT(ErrorOf({}, {"reward.limits.max_streams=7"}), HasSubstr("unknown key"));
}

TEST_F(LoadTest, KeyThatHasNoEffectIsRefused) {
  EXPECT_EQ(ErrorOf("reward:\n  gamma: 3\n"),
            Path("run.yaml") +
                ":2: reward.gamma has no effect, since reward.rule is not exp: leave it out");
  EXPECT_TRUE(LoadRunOptions({}, {"reward.gamma=3", "reward.rule=exp"}).ok());
  EXPECT_TRUE(LoadRunOptions({}, {"reward.gamma=3", "reward.terms.exp=1"}).ok());
  EXPECT_THAT(
      ErrorOf({}, {"learner.objective.scale_rewards=false", "learner.objective.std=population"}),
      HasSubstr("scale_rewards is false"));
}

}  // namespace
}  // namespace convrec::config
