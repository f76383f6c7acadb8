#include "services/learner/parallel/process_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "absl/time/clock.h"
#include "libs/base/errors.h"
#include "libs/collective/testing/rank_processes.h"
#include "libs/model/compute_threads.h"

namespace convrec::learner {
namespace {

using collective::RankExit;
using collective::RunRanks;
using ::testing::HasSubstr;

ProcessGroup::Options Options(int size, int rank, int port, int fd) {
  return {.rank = rank,
          .size = size,
          .address = "127.0.0.1",
          .port = port,
          .listen_fd = fd,
          .timeout = absl::Seconds(60),
          .connect_timeout = absl::Seconds(60),
          .grace = absl::Seconds(2)};
}

// Runs `body` on every rank of a group; exit code 0 when it returns true everywhere.
std::vector<RankExit> InGroup(int size,
                              const std::function<bool(ProcessGroup&)>& body,
                              absl::Duration timeout = absl::Seconds(60)) {
  return RunRanks(size, [&](int rank, int port, int fd) {
    model::SetComputeThreads(1);
    ProcessGroup::Options options = Options(size, rank, port, fd);
    options.timeout = timeout;
    auto group = ProcessGroup::Connect(options);
    if (!group.ok()) {
      std::fputs(std::string(group.status().message()).c_str(), stderr);
      return base::ExitCodeOf(group.status());
    }
    const bool is_right = body(**group);
    (*group)->Leave();
    return is_right ? 0 : 1;
  });
}

void ExpectAllRight(const std::vector<RankExit>& exits) {
  for (const RankExit& exit : exits) EXPECT_EQ(exit.status, 0) << exit.output;
}

TEST(ProcessGroupTest, SumsScattersGathersAndBroadcasts) {
  for (const int size : {2, 3}) {
    ExpectAllRight(InGroup(size, [size](ProcessGroup& group) {
      const auto rank = static_cast<float>(group.rank());
      const auto n = static_cast<float>(size);
      const at::Tensor sum = torch::tensor({rank, 1.0F});
      group.AllReduceSum(sum, "test")->Wait();
      const at::Tensor shard = at::zeros({2}), whole = torch::arange(2 * size).to(at::kFloat);
      group.ReduceScatterSum(shard, whole, "test")->Wait();
      const at::Tensor all = at::zeros({size});
      group.AllGather(all, at::full({1}, rank), "test")->Wait();
      const at::Tensor sent = at::full({3}, rank + 7);
      group.Broadcast(sent, "test");
      return sum.equal(torch::tensor({n * (n - 1) / 2, n})) &&
             shard.equal(torch::tensor({2 * rank * n, (2 * rank + 1) * n})) &&
             all.equal(torch::arange(size).to(at::kFloat)) && sent.equal(at::full({3}, 7.0F));
    }));
  }
}

TEST(ProcessGroupTest, ATensorGoesFromOneRankToAnother) {
  ExpectAllRight(InGroup(3, [](ProcessGroup& group) {
    // Rank 1 has nothing to do with it, and meets the others in the operation after it.
    const at::Tensor tensor = at::full({1000}, static_cast<float>(group.rank()));
    if (group.rank() == 0) group.Receive(tensor, 2, "test");
    if (group.rank() == 2) group.Send(tensor, 0, "test");
    const at::Tensor sum = tensor.sum();
    group.AllReduceSum(sum, "test")->Wait();
    return sum.item<float>() == 5000.0F;
  }));
}

TEST(ProcessGroupTest, TheLeadersTextsGoOutAndTextsOfAllComeBack) {
  ExpectAllRight(InGroup(3, [](ProcessGroup& group) {
    for (const std::string& text : {std::string(), std::string("a\nb"), std::string(100000, 'x')}) {
      if (group.FromLeader(group.is_leader() ? text : "not looked at", "test") != text)
        return false;
    }
    const auto texts = group.Gather(std::string(static_cast<size_t>(group.rank()), 'r'), "texts");
    return group.is_leader() ? texts == std::vector<std::string>({"", "r", "rr"}) : texts.empty();
  }));
}

TEST(ProcessGroupTest, AKilledRankEndsTheOthersWithASentenceThatNamesIt) {
  const absl::Time start = absl::Now();
  const std::vector<RankExit> exits = InGroup(3, [](ProcessGroup& group) {
    group.SetStep(7);
    const at::Tensor ones = at::ones({4});
    group.AllReduceSum(ones, "gradients")->Wait();
    if (group.rank() == 2) ::kill(::getpid(), SIGKILL);
    if (group.rank() == 1) group.FromLeader("", "news");  // Not even in an operation with rank 2.
    while (true) group.AllReduceSum(ones, "gradients")->Wait();
    return true;
  });
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
  EXPECT_EQ(WTERMSIG(exits[2].status), SIGKILL);
  EXPECT_EQ(WEXITSTATUS(exits[0].status), base::kExitUnavailable);
  EXPECT_EQ(WEXITSTATUS(exits[1].status), base::kExitUnavailable);
  EXPECT_THAT(exits[0].output, HasSubstr("rank 0, step 7, all-reduce of gradients: failed ("));
  EXPECT_THAT(exits[0].output, HasSubstr("): rank 2 is gone"));
  EXPECT_THAT(exits[1].output, HasSubstr("rank 1, step 7, waiting for rank 0: rank 2 is gone"));
}

TEST(ProcessGroupTest, ALateRankEndsTheJobAtTheDeadline) {
  const std::vector<RankExit> exits = InGroup(
      2,
      [](ProcessGroup& group) {
        group.SetStep(3);
        if (group.rank() == 1) absl::SleepFor(absl::Seconds(60));
        group.AllReduceSum(at::ones({4}), "gradients")->Wait();
        return true;
      },
      /*timeout=*/absl::Seconds(1));
  EXPECT_EQ(WEXITSTATUS(exits[0].status), base::kExitUnavailable);
  EXPECT_EQ(WEXITSTATUS(exits[1].status), base::kExitUnavailable);
  EXPECT_THAT(exits[0].output,
              HasSubstr("rank 0, step 3, all-reduce of gradients: not complete within 1s: rank 1 "
                        "has not joined, it is in step 3, computing"));
}

TEST(ProcessGroupTest, ARankAtAnotherPlaceThanTheLeaderEndsTheJob) {
  const std::vector<RankExit> exits = InGroup(2, [](ProcessGroup& group) {
    group.FromLeader("", group.is_leader() ? "a checkpoint" : "a step");
    group.AllReduceSum(at::ones({1}), "gradients")->Wait();
    return true;
  });
  EXPECT_EQ(WEXITSTATUS(exits[1].status), base::kExitBug);
  EXPECT_EQ(WEXITSTATUS(exits[0].status), base::kExitUnavailable);
  EXPECT_THAT(exits[0].output,
              HasSubstr("rank 0 speaks of a checkpoint where rank 1 expects a step"));
}

TEST(ProcessGroupTest, TheLeadersEndReachesRanksThatWaitForItsText) {
  const std::vector<RankExit> exits = InGroup(2, [](ProcessGroup& group) {
    group.AllReduceSum(at::ones({1}), "gradients")->Wait();  // Both have met.
    if (group.is_leader()) std::_Exit(5);
    group.FromLeader("", "news");
    return true;
  });
  EXPECT_EQ(WEXITSTATUS(exits[1].status), base::kExitUnavailable);
  EXPECT_THAT(exits[1].output, HasSubstr("rank 0 is gone"));
}

TEST(ProcessGroupTest, ARanksOwnReasonIsToldByAll) {
  const std::vector<RankExit> exits = InGroup(2, [](ProcessGroup& group) {
    group.AllReduceSum(at::ones({1}), "gradients")->Wait();  // Both have met.
    if (!group.is_leader()) group.Fail("out of memory", base::kExitIo);
    group.AllReduceSum(at::ones({1}), "gradients")->Wait();
    return true;
  });
  EXPECT_EQ(WEXITSTATUS(exits[1].status), base::kExitIo);
  EXPECT_EQ(WEXITSTATUS(exits[0].status), base::kExitUnavailable);
  EXPECT_THAT(exits[0].output, HasSubstr("rank 1 failed: out of memory"));
}

TEST(ProcessGroupTest, RanksThatDoNotComeAreNamed) {
  const std::vector<RankExit> exits = RunRanks(1, [](int, int port, int fd) {
    ProcessGroup::Options options = Options(3, 0, port, fd);
    options.connect_timeout = absl::Milliseconds(300);
    std::fputs(std::string(ProcessGroup::Connect(options).status().message()).c_str(), stderr);
    return 0;
  });
  EXPECT_THAT(exits[0].output, HasSubstr("ranks 1, 2 did not come within 300ms"));
}

}  // namespace
}  // namespace convrec::learner
