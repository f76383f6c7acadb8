#include "services/learner/folder/input_digests.h"

#include <gtest/gtest.h>

#include "libs/base/errors.h"
#include "libs/base/files.h"

namespace convrec::learner {
namespace {

class InputDigestsTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("catalog.jsonl", "films\n");
    Write("train.jsonl", "a\nb\n");
    ASSERT_TRUE(base::MakeDirectories(File("model")).ok());
    Write("model/config.json", "{}");
    Write("model/README.md", "read me\n");
    options_.data.catalog = File("catalog.jsonl");
    options_.data.train.path = File("train.jsonl");
    options_.model.path = File("model");
    options_.learner.steps = 1;
  }
  std::string File(const std::string& name) const { return base::JoinPath(dir_.path(), name); }
  void Write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(base::WriteFileAtomically(File(name), text).ok());
  }
  InputDigests Now() const { return *DigestInputs(options_); }

  base::TemporaryDirectory dir_, run_;
  config::RunOptions options_;
};

TEST_F(InputDigestsTest, AreOfTheFilesThatARunReads) {
  const InputDigests inputs = Now();
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs.at("data.train.path").path, File("train.jsonl"));
  EXPECT_EQ(inputs.count("model.path/config.json"), 1u);
  EXPECT_EQ(*InputDigestsFromJson(ToJson(inputs)), inputs);
}

TEST_F(InputDigestsTest, AMissingFileIsNamed) {
  options_.data.test.path = File("nowhere.jsonl");
  const absl::Status status = DigestInputs(options_).status();
  EXPECT_NE(status.message().find("nowhere.jsonl"), std::string::npos);
}

TEST_F(InputDigestsTest, TheSameFilesAreTaken) {
  ASSERT_TRUE(StoreInputs(run_.path(), Now()).ok());
  const auto changes = CheckInputs(run_.path(), {}, Now(), InputChange::kRefused);
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_TRUE(changes->empty());
}

TEST_F(InputDigestsTest, ReorderedDataIsRefusedWithItsNameUnlessItIsAllowed) {
  ASSERT_TRUE(StoreInputs(run_.path(), Now()).ok());
  Write("train.jsonl", "b\na\n");
  const absl::Status refused = CheckInputs(run_.path(), {}, Now(), InputChange::kRefused).status();
  EXPECT_EQ(base::ExitCodeOf(refused), base::kExitBadConfig);
  EXPECT_NE(refused.message().find("data.train.path: " + File("train.jsonl")), std::string::npos)
      << refused.message();
  EXPECT_EQ(refused.message().find("data.catalog"), std::string::npos);
  const auto allowed = CheckInputs(run_.path(), {}, Now(), InputChange::kAllowed);
  ASSERT_TRUE(allowed.ok()) << allowed.status();
  EXPECT_EQ(allowed->size(), 1u);
  // What has been allowed once is what the run goes on with.
  EXPECT_TRUE(CheckInputs(run_.path(), {}, Now(), InputChange::kRefused).ok());
}

TEST_F(InputDigestsTest, AFolderThatHasLostItsRecordIsHeldToItsCheckpoint) {
  const InputDigests then = Now();
  Write("catalog.jsonl", "other films\n");
  const absl::Status status = CheckInputs(run_.path(), then, Now(), InputChange::kRefused).status();
  EXPECT_TRUE(base::IsBadConfig(status));
  EXPECT_NE(status.message().find("data.catalog: "), std::string::npos);
}

TEST_F(InputDigestsTest, ARunOfAnEarlierReleaseHasARecordFromHereOn) {
  ASSERT_TRUE(CheckInputs(run_.path(), {}, Now(), InputChange::kRefused).ok());
  EXPECT_TRUE(base::FileExists(base::JoinPath(run_.path(), "inputs.json")));
}

TEST_F(InputDigestsTest, AddedAndMissingFilesDiffer) {
  const InputDigests then = Now();
  Write("model/chat_template.jinja", "{}");
  options_.learner.steps = 0;
  EXPECT_EQ(
      Differences(then, Now()),
      (std::vector<std::string>{
          "model.path/chat_template.jinja: " + File("model/chat_template.jinja") + " was not there",
          "data.train.path: " + File("train.jsonl") + " is no longer read"}));
}

TEST_F(InputDigestsTest, ADamagedRecordNamesTheField) {
  ASSERT_TRUE(
      base::WriteFileAtomically(base::JoinPath(run_.path(), "inputs.json"), "{\"a\": 1}").ok());
  const absl::Status status = CheckInputs(run_.path(), {}, Now(), InputChange::kRefused).status();
  EXPECT_EQ(
      status.message(),
      base::JoinPath(run_.path(), "inputs.json") + ": inputs: \"a\" is not a path and a digest");
}

}  // namespace
}  // namespace convrec::learner
