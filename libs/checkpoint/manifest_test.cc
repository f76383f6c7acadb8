#include "libs/checkpoint/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/files.h"
#include "libs/checkpoint/unfinished_checkpoint.h"

namespace convrec::checkpoint {
namespace {

using base::JoinPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ManifestTest : public ::testing::Test {
 protected:
  const std::string& root() const { return dir_.path(); }
  void Write(const std::string& name, bool keep_always = false) {
    absl::StatusOr<UnfinishedCheckpoint> checkpoint = UnfinishedCheckpoint::Create(
        {.root = root(), .name = name, .caller_state = "of " + name, .keep_always = keep_always});
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    ASSERT_TRUE(base::WriteFileAtomically(JoinPath(checkpoint->path(), "model"), name).ok());
    checkpoint->SetOptimizer(7);
    const absl::Status status = checkpoint->Commit({});
    ASSERT_TRUE(status.ok()) << status;
  }
  void WriteRaw(const std::string& name, const std::string& manifest) {
    ASSERT_TRUE(base::MakeDirectories(JoinPath(root(), name)).ok());
    ASSERT_TRUE(
        base::WriteFileAtomically(JoinPath(JoinPath(root(), name), kManifestFile), manifest).ok());
  }

  base::TemporaryDirectory dir_;
};

TEST_F(ManifestTest, WhatWasWrittenIsReadAndVerified) {
  Write("rl-1", /*keep_always=*/true);
  const absl::StatusOr<Checkpoint> checkpoint = ReadManifest(root(), "rl-1");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->caller_state, "of rl-1");
  EXPECT_EQ(checkpoint->optimizer_steps, 7);
  EXPECT_TRUE(checkpoint->has_optimizer);
  EXPECT_TRUE(checkpoint->keep_always);
  ASSERT_EQ(checkpoint->files.size(), 1u);
  EXPECT_EQ(checkpoint->files[0].name, "model");
  EXPECT_EQ(checkpoint->files[0].size_bytes, 4);
  EXPECT_TRUE(VerifyFiles(*checkpoint).ok());
}

// A user is told to remove what "latest" names when it is damaged, so it must never name anything
// above the root.
TEST_F(ManifestTest, ALatestThatIsNoNameOfACheckpointIsRefusedByItself) {
  Write("rl-1");
  for (const char* text : {"..", "../..", ".", "/", "/tmp", "rl-1/..", ".writing-rl-2", "a/b"}) {
    SCOPED_TRACE(text);
    ASSERT_TRUE(
        base::WriteFileAtomically(JoinPath(root(), "latest"), std::string(text) + "\n").ok());
    const absl::Status status = LoadNewestCheckpoint(root()).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(JoinPath(root(), "latest") + " holds \"" + text +
                          "\", expected the name of a checkpoint, as rl-50; remove this file"));
  }
}

TEST_F(ManifestTest, ACheckpointThatIsNotCommittedLeavesNoTrace) {
  Write("rl-1");
  std::string path;
  {
    const absl::StatusOr<UnfinishedCheckpoint> checkpoint =
        UnfinishedCheckpoint::Create({.root = root(), .name = "rl-2"});
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    path = checkpoint->path();
    EXPECT_TRUE(base::FileExists(path));
  }
  EXPECT_FALSE(base::FileExists(path));
  EXPECT_THAT(SubfolderNames(root()), ElementsAre("rl-1"));
}

TEST_F(ManifestTest, AChangedManifestIsToldFromAWholeOne) {
  Write("rl-1");
  const std::string path = JoinPath(JoinPath(root(), "rl-1"), kManifestFile);
  std::string text = *base::ReadFile(path);
  text.replace(text.find("of rl-1"), 7, "of rl-2");
  ASSERT_TRUE(base::WriteFileAtomically(path, text).ok());
  EXPECT_THAT(std::string(ReadManifest(root(), "rl-1").status().message()),
              HasSubstr(path + " is damaged: it does not have its digest"));
}

TEST_F(ManifestTest, OtherFormatsAndTornTextsAreNamed) {
  WriteRaw("torn", "{\"format\": 1");
  EXPECT_THAT(std::string(ReadManifest(root(), "torn").status().message()),
              HasSubstr("torn/trainer_state.json: is not valid JSON"));
  WriteRaw("later",
           R"({"format": 3, "sequence": 0, "keep_always": false, "has_optimizer": true,
               "optimizer_steps": 0, "caller_state": ""})");
  EXPECT_THAT(std::string(ReadManifest(root(), "later").status().message()),
              HasSubstr("field \"format\" is 3; expected a whole number from 1 to 2"));
  WriteRaw("part", R"({"format": 2, "sequence": 0, "keep_always": 1})");
  const absl::Status part = ReadManifest(root(), "part").status();
  EXPECT_TRUE(absl::IsDataLoss(part)) << part;
  EXPECT_THAT(std::string(part.message()),
              HasSubstr("field \"keep_always\" is 1; expected true or false"));
  EXPECT_TRUE(ListCheckpoints(root()).empty());
}

TEST_F(ManifestTest, WithoutAWholeCheckpointTheErrorSaysSo) {
  Write("rl-1");
  ASSERT_TRUE(base::WriteFileAtomically(JoinPath(JoinPath(root(), "rl-1"), "model"), "").ok());
  EXPECT_THAT(std::string(LoadNewestCheckpoint(root()).status().message()),
              HasSubstr("has 0 bytes, expected 4; no other checkpoint is whole"));
}

}  // namespace
}  // namespace convrec::checkpoint
