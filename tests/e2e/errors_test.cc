// What a user sees when something is wrong: one sentence that names the place, and an exit code.
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kShort = absl::Minutes(1);

// Runs the learner of a small job with overrides; its end and output.
CommandResult RunLearner(const std::vector<std::string>& overrides) {
  const Job job(overrides);
  return RunCommand(job.arguments("convrec-learner", "learner"), kShort);
}

void ExpectFailure(const CommandResult& result, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.exit.code, code) << result.output;
  for (const std::string& part : parts) {
    EXPECT_NE(result.output.find(part), std::string::npos) << "missing \"" << part << "\" in:\n"
                                                           << result.output;
  }
}

// A copy of the sample's model directory with weights, to be damaged.
class BrokenModel {
 public:
  BrokenModel() {
    std::filesystem::copy(
        SampleWorldDirectory() + "/model", path(), std::filesystem::copy_options::recursive);
  }
  std::string path() const { return dir_.path() + "/model"; }
  void Write(const std::string& name, const std::string& content) const {
    ASSERT_TRUE(base::WriteFileAtomically(base::JoinPath(path(), name), content).ok());
  }

 private:
  base::TemporaryDirectory dir_;
};

TEST(ErrorsTest, UnknownConfigurationKey) {
  ExpectFailure(RunLearner({"lerner.steps=3"}), 78, {"lerner", "learner"});
}

TEST(ErrorsTest, UnknownFlag) {
  EXPECT_EQ(RunCommand({Binary("convrec-learner"), "--no-such-flag"}, kShort).exit.code, 64);
}

TEST(ErrorsTest, MissingCatalog) {
  ExpectFailure(
      RunLearner({"data.catalog=/nonexistent/catalog.jsonl"}), 74, {"/nonexistent/catalog.jsonl"});
}

TEST(ErrorsTest, EmptyCatalog) {
  const base::TemporaryDirectory dir;
  const std::string path = dir.path() + "/catalog.jsonl";
  ASSERT_TRUE(base::WriteFileAtomically(path, "").ok());
  ExpectFailure(RunLearner({"data.catalog=" + path}), 65, {path});
}

TEST(ErrorsTest, BrokenCatalogRowNamesTheLine) {
  const base::TemporaryDirectory dir;
  const std::string path = dir.path() + "/catalog.jsonl";
  ASSERT_TRUE(
      base::WriteFileAtomically(path, "{\"title\":\"Alien\",\"year\":1979}\n{\"title\":\"Heat\"}\n")
          .ok());
  ExpectFailure(RunLearner({"data.catalog=" + path}), 65, {path, ":2", "year"});
}

TEST(ErrorsTest, BrokenDataRowNamesTheLine) {
  const base::TemporaryDirectory dir;
  const std::string path = dir.path() + "/test.jsonl";
  ASSERT_TRUE(base::WriteFileAtomically(path, "{\"id\":\"a\",\"context\":[]}\n").ok());
  ExpectFailure(RunLearner({"data.test.path=" + path}), 65, {path, ":1", "context"});
}

TEST(ErrorsTest, UnknownArchitecture) {
  const BrokenModel model;
  model.Write("config.json", "{\"model_type\": \"mamba\", \"vocab_size\": 10}");
  ExpectFailure(RunLearner({"model.path=" + model.path()}), 65, {"config.json", "mamba"});
}

TEST(ErrorsTest, MalformedTokenizer) {
  const BrokenModel model;
  model.Write("tokenizer.json", "{\"model\": 3");
  ExpectFailure(RunLearner({"model.path=" + model.path()}), 65, {"tokenizer.json"});
}

TEST(ErrorsTest, TruncatedWeights) {
  const BrokenModel model;
  model.Write("model.safetensors", std::string("\x40\0\0\0\0\0\0\0{\"model.norm.weight\"", 28));
  ExpectFailure(RunLearner({"model.path=" + model.path()}), 65, {"model.safetensors"});
}

TEST(ErrorsTest, RolloutWithoutModel) {
  const Job job({"model.path=/nonexistent/model"});
  ExpectFailure(
      RunCommand(job.arguments("convrec-rollout", "r"), kShort), 74, {"/nonexistent/model"});
}

TEST(ErrorsTest, PortInUse) {
  Job job({});
  job.StartReward();
  const int port = job.reward_port();
  const Job second({absl::StrCat("reward.listen=127.0.0.1:", port)});
  ExpectFailure(RunCommand(second.arguments("convrec-reward", "reward"), kShort),
                74,
                {absl::StrCat("127.0.0.1:", port)});
}

TEST(ErrorsTest, AFileThatCannotGrowIsNamed) {
  // No file of the process may exceed 64 blocks, of 512 or 1024 bytes: what a full disk or a quota
  // does. The resolved configuration fits in, the log of 400 steps does not.
  const Job job({"learner.steps=0", "learner.sft.steps=400"});
  std::string command = "trap '' XFSZ; ulimit -f 64; exec";
  for (const std::string& argument : job.arguments("convrec-learner", "learner")) {
    absl::StrAppend(&command, " '", argument, "'");
  }
  ExpectFailure(RunCommand({"/bin/sh", "-c", command}, kShort), 74, {"metrics.jsonl"});
}

TEST(ErrorsTest, UnreachableRewardServiceIsRetriedUntilTheWorkerIsStopped) {
  Job job({"rollout.reward_address=127.0.0.1:1"});
  job.StartLearner();
  job.StartWorkerWithOwnAddresses("rollout-1");
  job.WaitForText("rollout-1", "127.0.0.1:1", kShort);
  job.child("rollout-1").Signal(15);
  EXPECT_EQ(job.WaitForEnd("rollout-1", kShort).code, 0) << job.LogText("rollout-1");
}

}  // namespace
}  // namespace convrec::testing
