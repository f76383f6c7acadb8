#include "libs/wire/run_header.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace convrec::wire {
namespace {

constexpr domain::RunId kRun{.high = 0x0123456789abcdef, .low = 0xfedcba9876543210};
const domain::RunIdentity kLearner{
    .epoch = {.value = 3, .run = kRun},
    .digests = {.model = "m", .tokenizer = "t", .catalog = "c", .rules = "r"}};

v1::CallHeader CallOf(const domain::RunIdentity& identity) {
  v1::CallHeader call;
  *call.mutable_run() = ToProto(identity);
  call.set_worker("rollout-1");
  return call;
}

TEST(RunHeaderTest, SurvivesTheWire) {
  const auto back = FromProto(ToProto(kLearner));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->epoch, kLearner.epoch);
  EXPECT_EQ(back->digests, kLearner.digests);
  EXPECT_EQ(kRun.ToString(), "0123456789abcdeffedcba9876543210");
}

TEST(RunHeaderTest, AMalformedOneIsRefusedByField) {
  v1::RunHeader header = ToProto(kLearner);
  header.set_run_id("short");
  EXPECT_EQ(FromProto(header).status().message(), "run_id is 5 bytes long: expected 16 bytes");
  header = ToProto(kLearner);
  header.set_start(0);
  EXPECT_EQ(FromProto(header).status().message(), "start is 0: expected an integer above 0");
}

TEST(RunHeaderTest, ACallForThisStartIsTaken) {
  EXPECT_TRUE(CheckCall(CallOf(kLearner), kLearner).ok());
}

TEST(RunHeaderTest, ACallForAnotherStartIsToJoinAgain) {
  domain::RunIdentity earlier = kLearner;
  --earlier.epoch.value;
  const absl::Status status = CheckCall(CallOf(earlier), kLearner);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(status.message(),
            "the learner is at start 3 of run 0123456789abcdeffedcba9876543210, the worker at "
            "start 2 of run 0123456789abcdeffedcba9876543210");
}

// Starts are counted from 1 in every folder, so the count alone would match this run.
TEST(RunHeaderTest, ACallForTheSameStartOfAnotherRunIsToJoinAgain) {
  domain::RunIdentity other = kLearner;
  ++other.epoch.run.low;
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckCall(CallOf(other), kLearner)));
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckCall(v1::CallHeader(), kLearner)));
}

TEST(RunHeaderTest, AWorkerWithOtherFilesIsToldWhichDiffer) {
  const struct {
    std::string domain::RunDigests::*digest;
    const char* what;
  } cases[] = {{&domain::RunDigests::model, "a model of shape"},
               {&domain::RunDigests::tokenizer, "tokenizer"},
               {&domain::RunDigests::catalog, "catalog"},
               {&domain::RunDigests::rules, "reward rules"}};
  for (const auto& c : cases) {
    domain::RunIdentity other = kLearner;
    other.digests.*c.digest = "x";
    const absl::Status status = CheckCall(CallOf(other), kLearner);
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_EQ(status.message(),
              absl::StrCat("worker rollout-1 works with ",
                           c.what,
                           " x, this run uses ",
                           kLearner.digests.*c.digest));
    domain::RunIdentity unknown = kLearner;
    (unknown.digests.*c.digest).clear();
    EXPECT_TRUE(CheckCall(CallOf(other), unknown).ok());
  }
}

TEST(RunHeaderTest, AnAnswerOfAnotherStartOrRunIsNotTaken) {
  EXPECT_TRUE(CheckAnswer(ToProto(kLearner), kLearner.epoch).ok());
  EXPECT_TRUE(
      absl::IsFailedPrecondition(CheckAnswer(ToProto(kLearner), {.value = 2, .run = kRun})));
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckAnswer(ToProto(kLearner), {.value = 3, .run = {}})));
  EXPECT_EQ(CheckAnswer(v1::RunHeader(), kLearner.epoch).message(),
            "the answer is of no run, the call was for start 3 of run "
            "0123456789abcdeffedcba9876543210");
}

}  // namespace
}  // namespace convrec::wire
