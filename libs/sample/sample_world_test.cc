#include "libs/sample/sample_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/config/load.h"

namespace convrec::sample {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SampleWorldTest : public ::testing::Test {
 protected:
  config::RunOptions Options(const std::vector<std::string>& changes = {}) {
    std::vector<std::string> overrides = {"run_dir=" + folder_.path(),
                                          "data.world.sft_rows=60",
                                          "data.world.train_rows=20",
                                          "data.world.validation_rows=10",
                                          "data.world.test_rows=10",
                                          "data.world.vocab_size=400"};
    overrides.insert(overrides.end(), changes.begin(), changes.end());
    auto options = config::LoadRunOptions({}, overrides);
    EXPECT_TRUE(options.ok()) << options.status();
    return options.ok() ? *options : config::RunOptions{};
  }

  const base::TemporaryDirectory folder_;
  const std::string world_ = base::JoinPath(folder_.path(), "world");
};

TEST_F(SampleWorldTest, EmptyPathsBecomeFilesOfTheRunFolder) {
  const auto options = ResolveSample(Options({"model.path=/mine"}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->data.catalog, base::JoinPath(world_, "catalog.jsonl"));
  EXPECT_EQ(options->model.path, "/mine");
  EXPECT_TRUE(base::FileExists(options->data.train.path));
  EXPECT_TRUE(base::FileExists(base::JoinPath(world_, "model/tokenizer.json")));
}

TEST_F(SampleWorldTest, WorldThatIsThereIsKept) {
  ASSERT_TRUE(ResolveSample(Options()).ok());
  const std::string marker = base::JoinPath(world_, "marker");
  ASSERT_TRUE(base::WriteFileAtomically(marker, "x").ok());
  const auto again = ResolveSample(Options({"learner.steps=3", "seed=9"}));
  EXPECT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(base::FileExists(marker));
}

TEST_F(SampleWorldTest, WorldOfOtherSettingsIsRefusedWithWhatDiffers) {
  ASSERT_TRUE(ResolveSample(Options({"data.world.seed=4"})).ok());
  const absl::Status status = ResolveSample(Options({"data.world.seed=5"})).status();
  EXPECT_TRUE(base::IsBadConfig(status)) << status;
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr(world_ + " was made with other settings (data.world.seed=4)"));
  EXPECT_THAT(message, Not(HasSubstr("sft_rows")));
}

TEST_F(SampleWorldTest, FolderThatIsNoWorldIsRefused) {
  ASSERT_TRUE(base::MakeDirectories(world_).ok());
  const absl::Status status = ResolveSample(Options()).status();
  EXPECT_TRUE(base::IsBadConfig(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(world_ + " is no sample world"));
}

TEST_F(SampleWorldTest, RunOnItsOwnDataWritesNothing) {
  const auto options = ResolveSample(Options({"model.path=/m",
                                              "data.catalog=/c",
                                              "data.sft.path=/s",
                                              "data.train.path=/t",
                                              "data.validation.path=/v",
                                              "data.test.path=/e"}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->data.catalog, "/c");
  EXPECT_FALSE(base::FileExists(world_));
}

}  // namespace
}  // namespace convrec::sample
