#include "tools/convrec/worker.h"

#include <poll.h>
#include <signal.h>

#include "gtest/gtest.h"
#include "libs/base/files.h"

namespace convrec::cli {
namespace {

using Kind = WorkerChange::Kind;

class WorkerTest : public ::testing::Test {
 protected:
  Worker Make(const std::string& script, const RestartPolicy& policy) {
    return Worker("rollout-1",
                  {{"/bin/sh", "-c", script}, base::JoinPath(folder_.path(), "log"), SIGKILL},
                  policy);
  }
  // Time stands still until the worker's process has ended.
  WorkerChange WaitForChange(Worker* worker, absl::Time now) {
    WorkerChange change;
    while ((change = worker->Watch(now)).kind == Kind::kNone) ::poll(nullptr, 0, 5);
    return change;
  }

  const base::TemporaryDirectory folder_;
  const absl::Time start_ = absl::UnixEpoch();
};

TEST_F(WorkerTest, PausesGrowAndTheWorkerIsGivenUp) {
  Worker worker = Make("exit 1",
                       {.max_restarts = 2,
                        .first_backoff = absl::Seconds(1),
                        .max_backoff = absl::Seconds(30),
                        .healthy_after = absl::Minutes(2)});
  ASSERT_TRUE(worker.Start(start_).ok());
  WorkerChange change = WaitForChange(&worker, start_);
  EXPECT_EQ(change.kind, Kind::kDied);
  EXPECT_EQ(change.backoff, absl::Seconds(1));
  EXPECT_EQ(worker.Watch(start_ + absl::Milliseconds(999)).kind, Kind::kNone);
  const absl::Time second = start_ + absl::Seconds(1);
  EXPECT_EQ(worker.Watch(second).kind, Kind::kRestarted);
  EXPECT_EQ(WaitForChange(&worker, second).backoff, absl::Seconds(2));
  const absl::Time third = second + absl::Seconds(2);
  EXPECT_EQ(worker.Watch(third).kind, Kind::kRestarted);
  EXPECT_EQ(WaitForChange(&worker, third).kind, Kind::kGivenUp);
  EXPECT_TRUE(worker.is_given_up());
  EXPECT_EQ(worker.Watch(third + absl::Hours(1)).kind, Kind::kNone);
}

TEST_F(WorkerTest, LongLifeStartsTheCountAnew) {
  Worker worker = Make("exit 1",
                       {.max_restarts = 0,
                        .first_backoff = absl::Seconds(1),
                        .max_backoff = absl::Seconds(30),
                        .healthy_after = absl::Minutes(2)});
  ASSERT_TRUE(worker.Start(start_).ok());
  EXPECT_EQ(WaitForChange(&worker, start_).kind, Kind::kGivenUp);  // No restart is allowed.
  Worker patient = Make("exit 1",
                        {.max_restarts = 1,
                         .first_backoff = absl::Seconds(1),
                         .max_backoff = absl::Seconds(30),
                         .healthy_after = absl::Minutes(2)});
  ASSERT_TRUE(patient.Start(start_).ok());
  EXPECT_EQ(WaitForChange(&patient, start_).kind, Kind::kDied);
  const absl::Time again = start_ + absl::Seconds(1);
  EXPECT_EQ(patient.Watch(again).kind, Kind::kRestarted);
  EXPECT_EQ(WaitForChange(&patient, again + absl::Minutes(3)).kind,
            Kind::kDied);  // Lived for 3 minutes.
}

TEST_F(WorkerTest, CodesThatNoRetryMendsGiveTheWorkerUp) {
  for (const char* code : {"64", "65", "78"}) {
    Worker worker = Make(std::string("exit ") + code, {});
    ASSERT_TRUE(worker.Start(start_).ok());
    EXPECT_EQ(WaitForChange(&worker, start_).kind, Kind::kGivenUp) << code;
  }
}

}  // namespace
}  // namespace convrec::cli
