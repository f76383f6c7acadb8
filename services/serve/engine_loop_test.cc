#include "services/serve/engine_loop.h"

#include <gtest/gtest.h>

#include <limits>

#include "absl/time/clock.h"
#include "libs/text_model/testing/fake_engine.h"
#include "libs/text_model/testing/test_tokenizer.h"

namespace convrec::serve {
namespace {

using text_model::FakeEngine;

// Keeps what it hears.
class Recorder final : public GenerationListener {
 public:
  void OnTokens(std::vector<engine::DrawnToken> tokens) override {
    absl::MutexLock lock(&mu_);
    for (engine::DrawnToken& token : tokens) tokens_.push_back(std::move(token));
  }
  void OnEnd(const absl::Status& status) override {
    absl::MutexLock lock(&mu_);
    EXPECT_FALSE(has_ended_) << "ended twice";
    has_ended_ = true;
    status_ = status;
  }

  absl::Status AwaitEnd() {
    absl::MutexLock lock(&mu_);
    EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&has_ended_), absl::Minutes(1)));
    return status_;
  }
  void AwaitTokens(size_t count) {
    absl::MutexLock lock(&mu_);
    wanted_ = count;
    mu_.Await(absl::Condition(this, &Recorder::HasTokens));
  }
  // Bytes of one sibling of one group.
  std::string TextOf(int64_t group, int sibling) {
    absl::MutexLock lock(&mu_);
    std::string text;
    for (const engine::DrawnToken& token : tokens_) {
      if (token.tag == group && token.sibling == sibling && token.token_id < 256) {
        text.push_back(static_cast<char>(token.token_id));
      }
    }
    return text;
  }

 private:
  bool HasTokens() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return tokens_.size() >= wanted_; }

  absl::Mutex mu_;
  std::vector<engine::DrawnToken> tokens_ ABSL_GUARDED_BY(mu_);
  size_t wanted_ ABSL_GUARDED_BY(mu_) = 0;
  bool has_ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

engine::GenerationRequest Group(const std::string& prompt, int num_siblings = 1) {
  engine::GenerationRequest group;
  group.prompt_token_ids = text_model::BytesOf(prompt);
  group.num_siblings = num_siblings;
  return group;
}

// Answers a prompt with itself and the number of the sibling.
std::vector<int32_t> Repeat(const engine::GenerationRequest& request, int sibling) {
  std::vector<int32_t> ids = request.prompt_token_ids;
  ids.push_back('0' + sibling);
  ids.push_back(text_model::kStopId);
  return ids;
}

class EngineLoopTest : public ::testing::Test {
 protected:
  FakeEngine engine_{Repeat, text_model::kStopId, /*max_rows=*/4};
  EngineLoop loop_{&engine_, {.max_sequences = 6}};
};

TEST_F(EngineLoopTest, ACallGetsTheTokensOfAllItsGroupsAndThenItsEnd) {
  const auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(loop_.Submit({Group("ab", 2), Group("c")}, recorder).ok());
  EXPECT_TRUE(recorder->AwaitEnd().ok());
  EXPECT_EQ(recorder->TextOf(0, 0), "ab0");
  EXPECT_EQ(recorder->TextOf(0, 1), "ab1");
  EXPECT_EQ(recorder->TextOf(1, 0), "c0");
  EXPECT_EQ(loop_.load().num_sequences, 0);
  EXPECT_EQ(loop_.load().num_calls, 0);
}

TEST_F(EngineLoopTest, CallsThatComeLaterJoinTheRunningBatch) {
  engine_.HoldSteps();
  const auto first = std::make_shared<Recorder>(), second = std::make_shared<Recorder>();
  ASSERT_TRUE(loop_.Submit({Group("abcdef")}, first).ok());
  engine_.AllowSteps(1);
  first->AwaitTokens(1);
  ASSERT_TRUE(loop_.Submit({Group("xy")}, second).ok());
  // Whatever step the loop waits in now, the second call is in the one after the next at the
  // latest.
  engine_.AllowSteps(2);
  second->AwaitTokens(1);
  EXPECT_LT(first->TextOf(0, 0).size(), 6u);
  engine_.AllowAllSteps();
  EXPECT_TRUE(second->AwaitEnd().ok());
  EXPECT_TRUE(first->AwaitEnd().ok());
}

TEST_F(EngineLoopTest, WhatIsAboveTheBoundIsTurnedAwayAtOnce) {
  engine_.HoldSteps();
  const auto first = std::make_shared<Recorder>(), second = std::make_shared<Recorder>();
  ASSERT_TRUE(loop_.Submit({Group("a", 4)}, first).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(loop_.Submit({Group("b", 3)}, second).status()));
  ASSERT_TRUE(loop_.Submit({Group("b", 2)}, second).ok());  // 4 + 2 = 6.
  EXPECT_TRUE(absl::IsResourceExhausted(loop_.Submit({Group("c")}, second).status()));
  engine_.AllowAllSteps();
  EXPECT_TRUE(first->AwaitEnd().ok());
  EXPECT_TRUE(second->AwaitEnd().ok());
  EXPECT_TRUE(loop_.Submit({Group("c", 4)}, std::make_shared<Recorder>()).ok());
}

TEST_F(EngineLoopTest, ACancelledCallLeavesTheEngineAndMakesRoom) {
  engine_.HoldSteps();
  const auto first = std::make_shared<Recorder>(), second = std::make_shared<Recorder>();
  const auto call = loop_.Submit({Group("abc", 2), Group("d", 2)}, first);
  ASSERT_TRUE(call.ok());
  engine_.AllowSteps(1);
  first->AwaitTokens(4);
  loop_.Cancel(*call);
  engine_.AllowSteps(1);
  EXPECT_TRUE(absl::IsCancelled(first->AwaitEnd()));
  engine_.AwaitCancelled(2);
  EXPECT_EQ(loop_.load().num_sequences, 0);
  engine_.AllowAllSteps();
  ASSERT_TRUE(loop_.Submit({Group("x", 4)}, second).ok());
  EXPECT_TRUE(second->AwaitEnd().ok());
}

TEST_F(EngineLoopTest, AnEndedSiblingIsDrawnNoMoreAndTheOthersGoOn) {
  engine_.HoldSteps();
  const auto recorder = std::make_shared<Recorder>();
  const auto call = loop_.Submit({Group("abcd"), Group("efgh", 2)}, recorder);
  ASSERT_TRUE(call.ok());
  engine_.AllowSteps(1);
  recorder->AwaitTokens(3);
  loop_.EndSibling(*call, 1, 0);
  engine_.AllowSteps(1);  // The loop may have begun to wait in a step before the sibling was ended.
  engine_.AwaitEndedSiblings(1);
  engine_.AllowAllSteps();
  EXPECT_TRUE(recorder->AwaitEnd().ok());
  EXPECT_LT(recorder->TextOf(1, 0).size(), recorder->TextOf(1, 1).size());
  loop_.EndSibling(*call, 1, 0);  // Of a call that is over.
}

TEST_F(EngineLoopTest, CancellingACallThatHasEndedDoesNothing) {
  const auto recorder = std::make_shared<Recorder>();
  const auto call = loop_.Submit({Group("a")}, recorder);
  EXPECT_TRUE(recorder->AwaitEnd().ok());
  loop_.Cancel(*call);
  loop_.Cancel(12345);
  const auto next = std::make_shared<Recorder>();
  ASSERT_TRUE(loop_.Submit({Group("b")}, next).ok());
  EXPECT_TRUE(next->AwaitEnd().ok());
}

TEST_F(EngineLoopTest, AGroupThatTheEngineRefusesEndsItsWholeCall) {
  const auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(loop_.Submit({Group("a"), Group("")}, recorder).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(recorder->AwaitEnd()));
  EXPECT_EQ(loop_.load().num_sequences, 0);
}

TEST_F(EngineLoopTest, AFailedStepEndsAllCallsAndTheNextOnesRun) {
  engine_.HoldSteps();
  const auto first = std::make_shared<Recorder>(), second = std::make_shared<Recorder>();
  ASSERT_TRUE(loop_.Submit({Group("a")}, first).ok());
  engine_.FailNextStep(absl::InternalError("out of memory"));
  engine_.AllowSteps(1);
  const absl::Status status = first->AwaitEnd();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(status.message().find("out of memory"), std::string::npos);
  EXPECT_TRUE(loop_.load().has_failed);
  engine_.AllowAllSteps();
  ASSERT_TRUE(loop_.Submit({Group("b")}, second).ok());
  EXPECT_TRUE(second->AwaitEnd().ok());
  EXPECT_FALSE(loop_.load().has_failed);
}

TEST_F(EngineLoopTest, DrainingFinishesWhatRunsAndRefusesTheRest) {
  engine_.HoldSteps();
  const auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(loop_.Submit({Group("abc")}, recorder).ok());
  loop_.Drain();
  EXPECT_TRUE(loop_.is_draining());
  EXPECT_TRUE(
      absl::IsUnavailable(loop_.Submit({Group("d")}, std::make_shared<Recorder>()).status()));
  engine_.AllowAllSteps();
  EXPECT_TRUE(recorder->AwaitEnd().ok());
  EXPECT_EQ(recorder->TextOf(0, 0), "abc0");
}

TEST(EngineLoopEndTest, EveryCallHearsOfTheLoopsEnd) {
  const auto endless = [](const engine::GenerationRequest&, int) {
    return text_model::BytesOf("a");
  };
  FakeEngine engine(endless, text_model::kStopId, /*max_rows=*/2);
  const auto running = std::make_shared<Recorder>(), waiting = std::make_shared<Recorder>();
  {
    EngineLoop loop(&engine, {});
    engine::GenerationRequest group = Group("x", 2);
    group.sampling.max_new_tokens = std::numeric_limits<int>::max();
    ASSERT_TRUE(loop.Submit({group}, running).ok());
    ASSERT_TRUE(loop.Submit({group}, waiting).ok());
    running->AwaitTokens(2);
  }
  EXPECT_TRUE(absl::IsCancelled(running->AwaitEnd()));
  EXPECT_TRUE(absl::IsCancelled(waiting->AwaitEnd()));
}

}  // namespace
}  // namespace convrec::serve
