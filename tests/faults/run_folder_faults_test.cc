// Two learners on one folder, and folders that are not what they were.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(3);

// Another learner over the job's folder, to its end.
CommandResult SecondLearner(const Job& job, const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = job.arguments("convrec-learner", "second");
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return RunCommand(arguments, kLong);
}

// A job of supervised steps alone, which needs neither workers nor a reward service.
std::vector<std::string> Supervised() {
  return {"learner.steps=0", "learner.sft.steps=2000", "learner.checkpoint.every_steps=2"};
}

void ExpectText(const CommandResult& result, const std::string& text) {
  EXPECT_NE(result.output.find(text), std::string::npos) << result.output;
}

TEST(RunFolderFaultsTest, ASecondLearnerIsRefusedAndTheFirstGoesOn) {
  Job job(Supervised(), JobSize::kTiny);
  job.StartLearner();
  job.WaitForText("learner", "checkpoint sft-2 written", kLong);
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--resume"}, {}, {"--overwrite"}}) {
    const CommandResult second = SecondLearner(job, flags);
    EXPECT_EQ(second.exit.code, 78) << second.output;
    ExpectText(second, job.run_dir() + " is in use by another learner (process ");
  }
  EXPECT_EQ(job.Stop("learner", kLong).code, 75) << job.LogText("learner");
  const std::vector<report::SftStep> steps = job.Log().sft_steps;
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i].step, static_cast<int64_t>(i) + 1);
}

TEST(RunFolderFaultsTest, ARunNeedsAWordBeforeItIsGoneOnWithOrReplaced) {
  Job job(Supervised(), JobSize::kTiny);
  job.StartLearner();
  job.WaitForText("learner", "checkpoint sft-2 written", kLong);
  EXPECT_EQ(job.Stop("learner", kLong).code, 75);
  const std::string config = base::JoinPath(job.run_dir(), "config.yaml");
  const std::string before = *base::ReadFile(config);
  const CommandResult refused = SecondLearner(job, {"seed=9"});
  EXPECT_EQ(refused.exit.code, 78) << refused.output;
  ExpectText(refused, "holds a run already; --resume goes on with it (");
  ExpectText(refused, "--overwrite moves it aside");
  EXPECT_EQ(*base::ReadFile(config), before);

  const CommandResult replaced = SecondLearner(job, {"--overwrite", "learner.sft.steps=0"});
  EXPECT_TRUE(base::FileExists(base::JoinPath(job.run_dir(), "earlier-1/checkpoints/latest")))
      << replaced.output;
  EXPECT_EQ(*base::ReadFile(base::JoinPath(job.run_dir(), "earlier-1/config.yaml")), before);
}

// One learner and what it was started with, to be changed under it.
class ResumeFaultsTest : public ::testing::Test {
 protected:
  ResumeFaultsTest() {
    std::filesystem::copy(
        SampleWorldDirectory(JobSize::kTiny), world_, std::filesystem::copy_options::recursive);
    std::vector<std::string> overrides = Supervised();
    for (const char* file : {"catalog", "sft", "validation", "test"}) {
      const std::string key =
          absl::StrCat("data.", file, std::string(file) == "catalog" ? "=" : ".path=");
      overrides.push_back(absl::StrCat(key, File(absl::StrCat(file, ".jsonl"))));
    }
    overrides.push_back(absl::StrCat("model.path=", File("model")));
    job_ = std::make_unique<Job>(overrides, JobSize::kTiny);
    job_->StartLearner();
    job_->WaitForText("learner", "checkpoint sft-2 written", kLong);
    EXPECT_EQ(job_->Stop("learner", kLong).code, 75);
  }
  std::string File(const std::string& name) const { return base::JoinPath(world_, name); }
  void Change(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(base::WriteFileAtomically(File(name), text).ok());
  }

  const base::TemporaryDirectory dir_;
  const std::string world_ = base::JoinPath(dir_.path(), "world");
  std::unique_ptr<Job> job_;
};

TEST_F(ResumeFaultsTest, ReorderedDataIsNamedAndNeedsConsent) {
  std::vector<std::string> lines =
      absl::StrSplit(*base::ReadFile(File("sft.jsonl")), '\n', absl::SkipEmpty());
  std::reverse(lines.begin(), lines.end());
  Change("sft.jsonl", absl::StrJoin(lines, "\n") + "\n");
  const CommandResult refused = SecondLearner(*job_, {"--resume"});
  EXPECT_EQ(refused.exit.code, 78) << refused.output;
  ExpectText(refused, absl::StrCat("data.sft.path: ", File("sft.jsonl"), " has digest "));
  job_->StartLearnerWith({"--resume", "--allow-input-change"});
  job_->WaitForText("learner", "the run goes on with another file: data.sft.path", kLong);
  EXPECT_EQ(job_->Stop("learner", kLong).code, 75) << job_->LogText("learner");
}

TEST_F(ResumeFaultsTest, AnotherCatalogIsNamed) {
  Change("catalog.jsonl",
         *base::ReadFile(File("catalog.jsonl")) + "{\"title\":\"One more\",\"year\":1999}\n");
  const CommandResult refused = SecondLearner(*job_, {"--resume"});
  EXPECT_EQ(refused.exit.code, 78) << refused.output;
  ExpectText(refused, absl::StrCat("data.catalog: ", File("catalog.jsonl"), " has digest "));
}

TEST_F(ResumeFaultsTest, AnotherTokenizerIsNamed) {
  Change("model/tokenizer.json", *base::ReadFile(File("model/tokenizer.json")) + "\n");
  const CommandResult refused = SecondLearner(*job_, {"--resume"});
  EXPECT_EQ(refused.exit.code, 78) << refused.output;
  ExpectText(refused, absl::StrCat("model.path/tokenizer.json: ", File("model/tokenizer.json")));
}

TEST_F(ResumeFaultsTest, OtherRewardRulesAreNamed) {
  const CommandResult refused = SecondLearner(*job_, {"--resume", "reward.duplicate_reward=-0.5"});
  EXPECT_EQ(refused.exit.code, 78) << refused.output;
  ExpectText(refused, "reward.duplicate_reward: ");
  ExpectText(refused, " -> -0.5");
}

TEST_F(ResumeFaultsTest, ARemovedLogOrCountIsMissed) {
  for (const char* name : {"metrics.jsonl", "epoch"}) {
    const std::string path = base::JoinPath(job_->run_dir(), name);
    const std::string text = *base::ReadFile(path);
    ASSERT_TRUE(std::filesystem::remove(path));
    const CommandResult refused = SecondLearner(*job_, {"--resume"});
    EXPECT_EQ(refused.exit.code, 65) << refused.output;
    ExpectText(refused, path + " is missing, though the run has a checkpoint");
    ASSERT_TRUE(base::WriteFileAtomically(path, text).ok());
  }
}

TEST_F(ResumeFaultsTest, ALatestThatLeadsOutOfTheFolderIsRefusedByItself) {
  const std::string latest = base::JoinPath(job_->run_dir(), "checkpoints/latest");
  ASSERT_TRUE(base::WriteFileAtomically(latest, "..\n").ok());
  const CommandResult refused = SecondLearner(*job_, {"--resume"});
  EXPECT_EQ(refused.exit.code, 65) << refused.output;
  ExpectText(refused, latest + " holds \"..\", expected the name of a checkpoint");
  EXPECT_EQ(refused.output.find("remove " + job_->run_dir()), std::string::npos);
}

}  // namespace
}  // namespace convrec::testing
