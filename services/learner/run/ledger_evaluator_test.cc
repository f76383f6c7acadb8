#include "services/learner/run/ledger_evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/domain/testing/drawn_by.h"

namespace convrec::learner {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// The ledger starves at once; what happens then is the test's: `on_starved` stands for workers.
class LedgerEvaluatorTest : public ::testing::Test {
 protected:
  LedgerEvaluatorTest() {
    for (const char* id : {"a", "b", "c"}) {
      const domain::Prompt prompt{
          .id = id, .token_ids = {1}, .ground_truth = {}, .seen_titles = {}};
      data_.test.prompts.push_back(prompt);
      data_.test.conversations.push_back("hello");
      data_.validation.prompts.push_back(prompt);
      data_.validation.conversations.push_back("hello");
    }
  }

  absl::Status Evaluate(report::RunPosition position, report::Split split) {
    LedgerEvaluator evaluator({.sampling = {.temperature = 0, .max_new_tokens = 7},
                               .num_ranks = 2,
                               .num_samples = 2,
                               .starvation_timeout = absl::ZeroDuration()},
                              &data_,
                              &earlier_,
                              &ledger_,
                              &prompts_,
                              {.log =
                                   [this](const report::Record& record) {
                                     report::AddRecord(record, &log_);
                                     return log_status_;
                                   },
                               .warn =
                                   [this](const std::string& warning) {
                                     warnings_.push_back(warning);
                                     if (on_starved_) on_starved_();
                                     return absl::OkStatus();
                                   },
                               .observe = [this](const report::Evaluation&) { ++observed_; }});
    return evaluator.Evaluate(position, split);
  }

  // A worker: hits with the first line of every list it is asked for, at most `count`.
  void Answer(int count) {
    for (const GroupLedger::Ticket& ticket : ledger_.Lease("w", count)) {
      const absl::StatusOr<domain::Lease> lease = prompts_.MakeLease(ticket);
      ASSERT_TRUE(lease.ok()) << lease.status();
      leases_.push_back(*lease);
      domain::Rollout rollout;
      rollout.completion.finish_reason = domain::FinishReason::kStop;
      rollout.completion.version_runs = domain::DrawnBy({0}, 1);
      rollout.text = "Heat (1995)";
      rollout.score.lines = {{.line = 0, .item = {}, .outcome = domain::LineOutcome::kHit}};
      rollout.score.ndcg = {1, 1, 1, 0.5};
      ASSERT_EQ(ledger_.Admit({.group = ticket.group,
                               .attempt = ticket.attempt,
                               .epoch = lease->epoch,
                               .rollouts = {rollout}}),
                GroupLedger::Admission::kAccepted);
    }
  }

  RunData data_;
  report::RunLog earlier_;
  GroupLedger ledger_{{.groups_per_step = 1}, PromptFeed(1, 0), {}, base::Clock::Real()};
  PromptBook prompts_{{}, {}, {1}, absl::Minutes(1)};
  std::function<void()> on_starved_;
  absl::Status log_status_;
  report::RunLog log_;
  std::vector<std::string> warnings_;
  std::vector<domain::Lease> leases_;
  int observed_ = 0;
};

TEST_F(LedgerEvaluatorTest, EveryRowIsLeasedOnceAndTheMeanIsLogged) {
  on_starved_ = [this] { Answer(10); };
  ASSERT_TRUE(Evaluate({report::Stage::kRl, 4}, report::Split::kTest).ok());
  ASSERT_THAT(leases_, SizeIs(3));
  for (const domain::Lease& lease : leases_) {
    EXPECT_EQ(lease.kind, domain::LeaseKind::kEvaluation);
    EXPECT_EQ(lease.num_siblings, 1);
    EXPECT_EQ(lease.sampling.max_new_tokens, 7);
  }
  ASSERT_THAT(log_.evaluations, SizeIs(1));
  const report::Evaluation& evaluation = log_.evaluations[0];
  EXPECT_EQ(evaluation.stage, report::Stage::kRl);
  EXPECT_EQ(evaluation.step, 4);
  EXPECT_EQ(evaluation.split, report::Split::kTest);
  EXPECT_EQ(evaluation["rows"], 3);
  EXPECT_DOUBLE_EQ(report::Ndcg20(evaluation), 0.5);
  EXPECT_DOUBLE_EQ(evaluation.list("hits_by_rank")[0], 1);
  EXPECT_EQ(observed_, 1);
}

TEST_F(LedgerEvaluatorTest, SamplesAreThoseOfTheTestSplit) {
  on_starved_ = [this] { Answer(10); };
  ASSERT_TRUE(Evaluate({report::Stage::kSft, 1}, report::Split::kValidation).ok());
  EXPECT_TRUE(log_.samples.empty());
  ASSERT_TRUE(Evaluate({report::Stage::kSft, 1}, report::Split::kTest).ok());
  ASSERT_THAT(log_.samples, SizeIs(1));
  EXPECT_THAT(log_.samples[0].samples, SizeIs(2));
}

TEST_F(LedgerEvaluatorTest, AnEvaluationOfAnEarlierStartIsNotMadeAgain) {
  report::Evaluation made;
  made.stage = report::Stage::kRl;
  made.split = report::Split::kTest;
  made.step = 4;
  earlier_.evaluations.push_back(made);
  EXPECT_TRUE(Evaluate({report::Stage::kRl, 4}, report::Split::kTest).ok());
  EXPECT_TRUE(warnings_.empty());
  EXPECT_TRUE(log_.evaluations.empty());
}

TEST_F(LedgerEvaluatorTest, WarnsWhenNothingArrivesButNotWhileListsDo) {
  on_starved_ = [this] { Answer(1); };
  ASSERT_TRUE(Evaluate({report::Stage::kRl, 4}, report::Split::kTest).ok());
  ASSERT_THAT(warnings_, SizeIs(3));
  EXPECT_THAT(warnings_[0], HasSubstr("starved: evaluation: 0 of 3 lists have arrived"));
  EXPECT_THAT(warnings_[1], HasSubstr("1 of 3"));
}

TEST_F(LedgerEvaluatorTest, AStopCutsItShortAndNothingOfItIsLogged) {
  on_starved_ = [this] {
    Answer(2);
    ledger_.Close();
  };
  EXPECT_TRUE(absl::IsCancelled(Evaluate({report::Stage::kRl, 4}, report::Split::kTest)));
  EXPECT_TRUE(log_.evaluations.empty());
  EXPECT_EQ(observed_, 0);
  // The prompts are closed: late lists of it are of an evaluation that is over.
  EXPECT_EQ(prompts_.NumSiblings(leases_[0].group), 0);
}

TEST_F(LedgerEvaluatorTest, AnErrorOfTheLogIsTheEvaluations) {
  on_starved_ = [this] { Answer(10); };
  log_status_ = absl::UnavailableError("the disk is full");
  EXPECT_EQ(Evaluate({report::Stage::kRl, 4}, report::Split::kTest), log_status_);
}

}  // namespace
}  // namespace convrec::learner
