#include "tools/convrec/run_folder.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/config/load.h"
#include "libs/config/print.h"
#include "libs/config/stored_config.h"
#include "libs/run_folder/folder_lock.h"
#include "libs/sample/sample_world.h"
#include "tools/convrec/run_report.h"

namespace convrec::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunFolderTest : public ::testing::Test {
 protected:
  // A run on data of its own, so that no sample world is written.
  config::RunOptions Options(std::vector<std::string> overrides = {}) {
    overrides.insert(overrides.begin(),
                     {"run_dir=" + run_dir_,
                      "model.path=/m",
                      "data.catalog=/c",
                      "data.sft.path=/s",
                      "data.train.path=/t",
                      "data.validation.path=/v",
                      "data.test.path=/e"});
    auto options = config::LoadRunOptions({}, overrides);
    EXPECT_TRUE(options.ok()) << options.status();
    return options.ok() ? *options : config::RunOptions{};
  }
  void Finish(double seconds) {
    report::RunOutcome outcome = OutcomeOf(Options());
    outcome.is_finished = true;
    outcome.seconds = seconds;
    ASSERT_TRUE(WriteRunSummary(run_dir_, outcome).ok());
  }

  // As after a first checkpoint.
  void Keep() const {
    ASSERT_TRUE(base::MakeDirectories(base::JoinPath(run_dir_, "checkpoints/sft-2")).ok());
  }

  const base::TemporaryDirectory folder_;
  const std::string run_dir_ = base::JoinPath(folder_.path(), "run");
};

TEST_F(RunFolderTest, FreshRunWritesALoadableConfiguration) {
  const auto lock = run_folder::FolderLock::Take(run_dir_, run_folder::Writer::kLauncher);
  ASSERT_TRUE(lock.ok()) << lock.status();
  const auto folder = PrepareRunFolder(Options({"learner.steps=7"}), {});
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_FALSE(folder->is_resumed);
  const auto stored = config::LoadRunOptions({base::JoinPath(run_dir_, "config.yaml")}, {});
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->learner.steps, 7);
  EXPECT_THAT(config::ChangedKeys(folder->options, *stored), IsEmpty());
}

TEST_F(RunFolderTest, RunInTheFolderNeedsResume) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  ASSERT_TRUE(PrepareRunFolder(Options(), {}).ok());
  Keep();
  const absl::Status status = PrepareRunFolder(Options(), {}).status();
  EXPECT_TRUE(base::IsBadConfig(status));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("holds a run already; --resume goes on with it"));
  const auto resumed = PrepareRunFolder(Options(), {.resume = true});
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_TRUE(resumed->is_resumed);
  EXPECT_FALSE(resumed->is_finished);
}

TEST_F(RunFolderTest, AnOverwrittenRunIsMovedAside) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  ASSERT_TRUE(PrepareRunFolder(Options({"learner.steps=5"}), {}).ok());
  Keep();
  const auto folder = PrepareRunFolder(Options({"learner.steps=6"}), {.overwrite = true});
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_FALSE(folder->is_resumed);
  const auto earlier =
      config::LoadRunOptions({base::JoinPath(run_dir_, "earlier-1/config.yaml")}, {});
  ASSERT_TRUE(earlier.ok()) << earlier.status();
  EXPECT_EQ(earlier->learner.steps, 5);
}

TEST_F(RunFolderTest, AFolderThatALearnerStillWritesToIsNotOverwritten) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  ASSERT_TRUE(PrepareRunFolder(Options(), {}).ok());
  Keep();
  const auto learner = run_folder::FolderLock::Take(run_dir_, run_folder::Writer::kLearner);
  ASSERT_TRUE(learner.ok());
  const absl::Status status = PrepareRunFolder(Options(), {.overwrite = true}).status();
  EXPECT_TRUE(base::IsBadConfig(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("in use by another learner"));
  EXPECT_TRUE(base::FileExists(base::JoinPath(run_dir_, "config.yaml")));
}

TEST_F(RunFolderTest, ResumeWithoutARunStartsOne) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  const auto folder = PrepareRunFolder(Options(), {.resume = true});
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_FALSE(folder->is_resumed);
}

TEST_F(RunFolderTest, AStartThatFailedLeavesTheFolderToTheNextOne) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  ASSERT_TRUE(PrepareRunFolder(Options({"learner.steps=5"}), {}).ok());
  // The same command again, one that mends the configuration, and one that resumes.
  for (const bool resume : {false, true}) {
    for (const char* steps : {"learner.steps=5", "learner.steps=6"}) {
      const auto folder = PrepareRunFolder(Options({steps}), {.resume = resume});
      ASSERT_TRUE(folder.ok()) << folder.status();
      EXPECT_FALSE(folder->is_resumed);
      EXPECT_EQ(config::LoadStoredConfig(run_dir_)->value().learner.steps, steps[14] - '0');
    }
  }
  EXPECT_FALSE(base::FileExists(base::JoinPath(run_dir_, "earlier-1")));
}

TEST_F(RunFolderTest, StepsThatNoCheckpointHoldsAreMovedAside) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  ASSERT_TRUE(PrepareRunFolder(Options({"learner.steps=5"}), {}).ok());
  const std::string log = base::JoinPath(run_dir_, "metrics.jsonl");
  ASSERT_TRUE(base::WriteFileAtomically(log, "{}\n").ok());
  {
    const auto learner = run_folder::FolderLock::Take(run_dir_, run_folder::Writer::kLearner);
    ASSERT_TRUE(learner.ok());
    EXPECT_THAT(std::string(PrepareRunFolder(Options(), {}).status().message()),
                HasSubstr("in use by another learner"));
  }
  ASSERT_TRUE(PrepareRunFolder(Options(), {}).ok());
  EXPECT_FALSE(base::FileExists(log));
  EXPECT_TRUE(base::FileExists(base::JoinPath(run_dir_, "earlier-1/metrics.jsonl")));
}

TEST_F(RunFolderTest, FolderWithOtherFilesIsRefused) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  ASSERT_TRUE(base::WriteFileAtomically(base::JoinPath(run_dir_, "thesis.tex"), "x").ok());
  EXPECT_THAT(std::string(PrepareRunFolder(Options(), {.resume = true}).status().message()),
              HasSubstr("holds files that are no run"));
}

TEST_F(RunFolderTest, ChangedConfigurationIsListedAndNeedsConsent) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  ASSERT_TRUE(PrepareRunFolder(Options({"learner.steps=5"}), {}).ok());
  Keep();
  const absl::Status status =
      PrepareRunFolder(Options({"learner.steps=6"}), {.resume = true}).status();
  EXPECT_TRUE(base::IsBadConfig(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("learner.steps: 5 -> 6"));
  EXPECT_TRUE(
      PrepareRunFolder(Options({"learner.steps=6"}), {.resume = true, .allow_config_change = true})
          .ok());
}

TEST_F(RunFolderTest, FinishedRunIsKnownUnlessItsConfigurationChanges) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  ASSERT_TRUE(PrepareRunFolder(Options(), {}).ok());
  Keep();
  Finish(120);
  const auto same = PrepareRunFolder(Options(), {.resume = true});
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_TRUE(same->is_finished);
  EXPECT_EQ(same->earlier_seconds, 120);
  const auto longer = PrepareRunFolder(Options({"learner.steps=500"}),
                                       {.resume = true, .allow_config_change = true});
  ASSERT_TRUE(longer.ok()) << longer.status();
  EXPECT_FALSE(longer->is_finished);
}

TEST_F(RunFolderTest, TwoJobsCannotShareAFolder) {
  const auto first = run_folder::FolderLock::Take(run_dir_, run_folder::Writer::kLauncher);
  ASSERT_TRUE(first.ok());
  const absl::Status second =
      run_folder::FolderLock::Take(run_dir_, run_folder::Writer::kLauncher).status();
  EXPECT_TRUE(base::IsBadConfig(second));
  EXPECT_THAT(std::string(second.message()), HasSubstr("in use by another convrec train"));
}

TEST_F(RunFolderTest, SampleWorldIsWrittenOnceAndNamedInTheConfiguration) {
  ASSERT_TRUE(base::MakeDirectories(run_dir_).ok());
  auto options = config::LoadRunOptions({},
                                        {"run_dir=" + run_dir_,
                                         "data.world.sft_rows=60",
                                         "data.world.train_rows=20",
                                         "data.world.validation_rows=10",
                                         "data.world.test_rows=10",
                                         "data.world.vocab_size=400"});
  ASSERT_TRUE(options.ok()) << options.status();
  const auto folder = PrepareRunFolder(*options, {});
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(folder->options.model.path, base::JoinPath(run_dir_, "world/model"));
  for (const char* file :
       {"catalog.jsonl", "sft.jsonl", "test.jsonl", "model/config.json", "model/tokenizer.json"}) {
    EXPECT_TRUE(base::FileExists(base::JoinPath(run_dir_, std::string("world/") + file))) << file;
  }
  // A world that is there is left alone.
  const std::string marker = base::JoinPath(run_dir_, "world/marker");
  ASSERT_TRUE(base::WriteFileAtomically(marker, "x").ok());
  ASSERT_TRUE(PrepareRunFolder(*options, {}).ok());
  EXPECT_TRUE(base::FileExists(marker));
  // One that nothing was trained on makes room for another.
  options->data.world.train_rows = 30;
  const auto other = PrepareRunFolder(*options, {});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_FALSE(base::FileExists(marker));
  EXPECT_TRUE(base::FileExists(base::JoinPath(run_dir_, "earlier-1/world/marker")));
  Keep();
  options->data.world.train_rows = 20;
  const absl::Status changed =
      PrepareRunFolder(*options, {.resume = true, .allow_config_change = true}).status();
  EXPECT_THAT(std::string(changed.message()), HasSubstr("was made with other settings"));
}

}  // namespace
}  // namespace convrec::cli
