#include "services/learner/run/ledger_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/learner/batch/testing/groups.h"

namespace convrec::learner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// The ledger starves at once; `on_starved` stands for workers.
class LedgerBatchesTest : public ::testing::Test {
 protected:
  LedgerBatches Batches() {
    return LedgerBatches({.starvation_timeout = absl::ZeroDuration(),
                          .make_constraint = make_constraint_,
                          .warn =
                              [this](const std::string& warning) {
                                warnings_.push_back(warning);
                                if (on_starved_) on_starved_();
                                return warn_status_;
                              }},
                         &ledger_,
                         &prompts_);
  }

  void Answer(int count) {
    for (const GroupLedger::Ticket& ticket : ledger_.Lease("w", count)) {
      domain::RolloutGroup group =
          MakeGroup({MakeRollout({0, domain::kEndUnit}, {1})}, ticket.group.prompt).group;
      group.group = ticket.group;
      ASSERT_EQ(ledger_.Admit(std::move(group)), GroupLedger::Admission::kAccepted);
    }
  }

  GroupLedger ledger_{{.groups_per_step = 2}, PromptFeed(3, 0), {}, base::Clock::Real()};
  // Prompt i is of token 10 + i.
  static std::vector<domain::Prompt> Prompts() {
    std::vector<domain::Prompt> prompts(3);
    for (int32_t i = 0; i < 3; ++i) prompts[static_cast<size_t>(i)].token_ids = {10 + i};
    return prompts;
  }
  PromptBook prompts_{Prompts(), {}, {1}, absl::Minutes(1)};
  std::function<domain::MakeTokenConstraint(const domain::Prompt&)> make_constraint_;
  std::function<void()> on_starved_;
  absl::Status warn_status_;
  std::vector<std::string> warnings_;
};

TEST_F(LedgerBatchesTest, GroupsComeWithThePromptsTheyWereSampledFor) {
  LedgerBatches batches = Batches();
  batches.Allow(2);
  Answer(2);
  const auto groups = batches.Take();
  ASSERT_TRUE(groups.ok()) << groups.status();
  ASSERT_THAT(*groups, SizeIs(2));
  for (const PromptedGroup& group : *groups) {
    EXPECT_THAT(group.prompt_tokens, ElementsAre(10 + group.group.group.prompt));
    EXPECT_FALSE(group.make_constraint);
  }
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(LedgerBatchesTest, GroupsOfConstrainedPromptsComeWithTheirConstraint) {
  std::vector<int32_t> prompts;
  make_constraint_ = [&](const domain::Prompt& prompt) {
    prompts.push_back(prompt.token_ids[0]);
    return domain::MakeTokenConstraint([] { return nullptr; });
  };
  LedgerBatches batches = Batches();
  batches.Allow(2);
  Answer(2);
  const auto groups = batches.Take();
  ASSERT_TRUE(groups.ok()) << groups.status();
  EXPECT_THAT(prompts, SizeIs(2));
  EXPECT_TRUE((*groups)[0].make_constraint);
}

TEST_F(LedgerBatchesTest, NoLeaseIsGivenOutBeforeItIsAllowed) {
  LedgerBatches batches = Batches();
  EXPECT_TRUE(ledger_.Lease("w", 2).empty());
  batches.Allow(1);
  EXPECT_THAT(ledger_.Lease("w", 2), SizeIs(1));
}

TEST_F(LedgerBatchesTest, AStarvedStepWarnsAndWaitsOn) {
  LedgerBatches batches = Batches();
  batches.Allow(2);
  on_starved_ = [this] { Answer(1); };
  ASSERT_TRUE(batches.Take().ok());
  ASSERT_THAT(warnings_, SizeIs(2));
  EXPECT_THAT(warnings_[0], HasSubstr("starved: no batch of 2 groups: 0 ready"));
  EXPECT_THAT(warnings_[1], HasSubstr("1 ready"));
}

TEST_F(LedgerBatchesTest, AStopEndsTheWait) {
  LedgerBatches batches = Batches();
  on_starved_ = [this] { ledger_.Close(); };
  EXPECT_TRUE(absl::IsCancelled(batches.Take().status()));
}

TEST_F(LedgerBatchesTest, AWarningThatCannotBeLoggedEndsTheWait) {
  LedgerBatches batches = Batches();
  warn_status_ = absl::UnavailableError("the disk is full");
  EXPECT_EQ(batches.Take().status(), warn_status_);
}

}  // namespace
}  // namespace convrec::learner
