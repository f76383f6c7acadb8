// The binary as an operator sees it: ports file, health, answers, SIGTERM, exit codes.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/rpc/health_client.h"
#include "libs/telemetry/testing/await_ports.h"
#include "proto/reward.grpc.pb.h"

extern char** environ;

namespace convrec::reward {
namespace {

class RewardBinaryTest : public ::testing::Test {
 protected:
  // Starts the binary with free ports and the sample world's catalog, then `more` arguments.
  pid_t Start(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {CONVREC_REWARD_BINARY,
                                          "reward.listen=127.0.0.1:0",
                                          "telemetry.metrics_listen=127.0.0.1:0",
                                          "telemetry.ports_dir=" + dir_.path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_t pid = 0;
    EXPECT_EQ(::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ), 0);
    return pid;
  }

  static int ExitCode(pid_t pid) {
    int result = 0;
    EXPECT_EQ(::waitpid(pid, &result, 0), pid);
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
  }

  base::TemporaryDirectory dir_;
};

TEST_F(RewardBinaryTest, ServesUntilSigterm) {
  const pid_t pid = Start({"data.num_ranks=2"});
  const auto ports = telemetry::AwaitPorts(dir_.path(), "reward", pid);
  ASSERT_TRUE(ports.ok()) << ports.status();
  const std::string address = absl::StrCat("127.0.0.1:", ports->grpc);
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  const auto stub = v1::RewardService::NewStub(channel);

  v1::ScoreGroupRequest request;
  request.add_completions("1. Alien (1979)\n2. No Such Film (1979)");
  request.add_ground_truth()->set_title("Alien");
  request.mutable_ground_truth(0)->set_year(1979);
  v1::ScoreGroupReply reply;
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const grpc::Status status = stub->ScoreGroup(&context, request, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(reply.scores(0).rank_rewards_size(), 2);
  EXPECT_EQ(reply.scores(0).rank_rewards(0), 1);
  EXPECT_EQ(reply.scores(0).lines(1).outcome(), v1::LINE_OUTCOME_OFF_CATALOG);
  const auto health = rpc::CheckHealth(address, "readiness", absl::Seconds(60));
  ASSERT_TRUE(health.ok()) << health.status();
  EXPECT_EQ(*health, rpc::Health::kServing);

  ASSERT_EQ(::kill(pid, SIGTERM), 0);
  EXPECT_EQ(ExitCode(pid), base::kExitOk);
}

// The catalog is a file; SIGHUP reads it again, and a broken one changes nothing.
TEST_F(RewardBinaryTest, SighupReadsTheCatalogAgain) {
  const std::string catalog = base::JoinPath(dir_.path(), "catalog.jsonl");
  const auto write = [&](const std::string& content) {
    ASSERT_TRUE(base::WriteFileAtomically(catalog, content).ok());
  };
  write("{\"title\": \"A\", \"year\": 1999}\n");
  const pid_t pid = Start({"data.catalog=" + catalog,
                           "data.sft.path=" + catalog,
                           "data.train.path=" + catalog,
                           "data.validation.path=" + catalog});
  const auto ports = telemetry::AwaitPorts(dir_.path(), "reward", pid);
  ASSERT_TRUE(ports.ok()) << ports.status();
  const auto stub = v1::RewardService::NewStub(grpc::CreateChannel(
      absl::StrCat("127.0.0.1:", ports->grpc), grpc::InsecureChannelCredentials()));
  const auto size = [&] {
    v1::DescribeReply reply;
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    EXPECT_TRUE(stub->Describe(&context, {}, &reply).ok());
    return reply.catalog_size();
  };
  EXPECT_EQ(size(), 1);
  write("{\"title\": ");
  ASSERT_EQ(::kill(pid, SIGHUP), 0);
  EXPECT_EQ(size(), 1);
  write("{\"title\": \"A\", \"year\": 1999}\n{\"title\": \"B\", \"year\": 2000}\n");
  ASSERT_EQ(::kill(pid, SIGHUP), 0);
  while (size() == 1) std::this_thread::yield();
  EXPECT_EQ(size(), 2);
  ASSERT_EQ(::kill(pid, SIGTERM), 0);
  EXPECT_EQ(ExitCode(pid), base::kExitOk);
}

TEST_F(RewardBinaryTest, PortInUseEndsWithAnIoError) {
  const pid_t first = Start({"--name=first"});
  const auto ports = telemetry::AwaitPorts(dir_.path(), "first", first);
  ASSERT_TRUE(ports.ok()) << ports.status();
  EXPECT_EQ(ExitCode(Start({absl::StrCat("reward.listen=127.0.0.1:", ports->grpc)})),
            base::kExitIo);
  ASSERT_EQ(::kill(first, SIGTERM), 0);
  EXPECT_EQ(ExitCode(first), base::kExitOk);
}

TEST_F(RewardBinaryTest, WrongConfigurationIsNotRetried) {
  EXPECT_EQ(ExitCode(Start({"reward.rule=best"})), base::kExitBadConfig);
  EXPECT_EQ(ExitCode(Start({"--unknown-flag"})), base::kExitUsage);
}

}  // namespace
}  // namespace convrec::reward
