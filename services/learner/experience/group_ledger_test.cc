#include "services/learner/experience/group_ledger.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <utility>

#include "libs/base/random.h"
#include "libs/base/testing/fake_clock.h"
#include "libs/domain/testing/drawn_by.h"

namespace convrec::learner {
namespace {

using domain::GroupId;
using domain::PolicyVersion;
using Admission = GroupLedger::Admission;

domain::RolloutGroup GroupOf(const GroupLedger::Ticket& ticket, int64_t min_version) {
  domain::RolloutGroup group{
      .group = ticket.group, .attempt = ticket.attempt, .epoch = {}, .rollouts = {}};
  domain::Rollout rollout;
  rollout.completion.version_runs = domain::DrawnBy({min_version}, 1);
  group.rollouts.push_back(rollout);
  return group;
}

class GroupLedgerTest : public ::testing::Test {
 protected:
  GroupLedger Make(int groups_per_step, int max_staleness, std::vector<GroupId> untrained = {}) {
    return GroupLedger({.groups_per_step = groups_per_step,
                        .max_staleness = max_staleness,
                        .lease_timeout = absl::Seconds(10)},
                       PromptFeed(100, 1),
                       std::move(untrained),
                       &clock_);
  }
  absl::Time Past() const { return clock_.Now() - absl::Seconds(1); }

  base::FakeClock clock_;
};

TEST_F(GroupLedgerTest, HandsOutNothingBeforeTrainingIsAllowed) {
  GroupLedger ledger = Make(2, 0);
  EXPECT_TRUE(ledger.Lease("w", 4).empty());
  ledger.AllowTraining(1);
  EXPECT_EQ(ledger.Lease("w", 4).size(), 1u);
}

TEST_F(GroupLedgerTest, MaxStalenessZeroIsLockstep) {
  GroupLedger ledger = Make(2, 0);
  ledger.AllowTraining(100);
  const auto tickets = ledger.Lease("w", 10);
  ASSERT_EQ(tickets.size(), 2u);  // (0 + 1) * 2 slots
  for (const auto& ticket : tickets)
    EXPECT_EQ(ledger.Admit(GroupOf(ticket, 0)), Admission::kAccepted);
  ASSERT_TRUE(ledger.TakeBatch(Past()).ok());
  EXPECT_TRUE(ledger.Lease("w", 10).empty());  // Still in training.
  ledger.Publish(PolicyVersion{1});
  const auto next = ledger.Lease("w", 10);
  ASSERT_EQ(next.size(), 2u);
  EXPECT_EQ(next[0].version, PolicyVersion{1});
}

TEST_F(GroupLedgerTest, BatchComesInTheOrderOfHandingOut) {
  GroupLedger ledger = Make(3, 0);
  ledger.AllowTraining(3);
  const auto tickets = ledger.Lease("w", 3);
  for (size_t i : {2u, 0u, 1u}) ledger.Admit(GroupOf(tickets[i], 0));
  const auto batch = ledger.TakeBatch(Past());
  ASSERT_TRUE(batch.ok());
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ((*batch)[i].group.group, tickets[i].group);
}

TEST_F(GroupLedgerTest, ExpiredLeaseIsReissuedUnderTheSameGroupId) {
  GroupLedger ledger = Make(1, 0);
  ledger.AllowTraining(5);
  const auto first = ledger.Lease("w", 1);
  clock_.Advance(absl::Seconds(11));
  const auto second = ledger.Lease("w", 1);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].group, first[0].group);
  EXPECT_EQ(second[0].attempt, 1);
}

TEST_F(GroupLedgerTest, FirstCopyWinsAndLaterOnesAreDuplicates) {
  GroupLedger ledger = Make(1, 0);
  ledger.AllowTraining(5);
  const auto first = ledger.Lease("w", 1);
  clock_.Advance(absl::Seconds(11));
  const auto second = ledger.Lease("w", 1);
  EXPECT_EQ(ledger.Admit(GroupOf(first[0], 0)),
            Admission::kAccepted);  // The slow worker was not dead.
  EXPECT_EQ(ledger.Admit(GroupOf(second[0], 0)), Admission::kDuplicate);
  EXPECT_EQ(ledger.counts().duplicate, 1);
}

TEST_F(GroupLedgerTest, ReturnedLeaseIsHandedOutAtOnce) {
  GroupLedger ledger = Make(1, 0);
  ledger.AllowTraining(1);
  const auto first = ledger.Lease("w", 1);
  ledger.Return(first[0].group, first[0].attempt);
  const auto second = ledger.Lease("w", 1);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].group, first[0].group);
}

TEST_F(GroupLedgerTest, LeasesOfAWorkerThatIsGoneAreHandedOutAtOnceAndThoseOfOthersAreNot) {
  GroupLedger ledger = Make(3, 0);
  ledger.AllowTraining(3);
  const GroupId eval{.pass = 9, .prompt = 1};
  ledger.BeginEvaluation({eval});
  const auto gone = ledger.Lease("gone", 3);  // The evaluation and two for training.
  const auto other = ledger.Lease("other", 1);
  ASSERT_EQ(gone.size(), 3u);
  ASSERT_EQ(other.size(), 1u);
  EXPECT_TRUE(ledger.Lease("next", 3).empty());
  EXPECT_EQ(ledger.ReturnAllOf("gone"), 3);
  const auto again = ledger.Lease("next", 4);
  ASSERT_EQ(again.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(again[i].group, gone[i].group);
  EXPECT_EQ(ledger.counts().expired, 0);
  EXPECT_EQ(ledger.ReturnAllOf("gone"), 0);
}

TEST_F(GroupLedgerTest, SlowGroupIsNeverTrainedPastMaxStaleness) {
  GroupLedger ledger = Make(1, 1);
  ledger.AllowTraining(10);
  const auto tickets = ledger.Lease("w", 10);
  ASSERT_EQ(tickets.size(), 2u);  // (1 + 1) * 1 slots
  ledger.Admit(GroupOf(tickets[1], 0));
  ASSERT_TRUE(ledger.TakeBatch(Past()).ok());  // Step 0 takes the quick one.
  ledger.Publish(PolicyVersion{1});
  const auto fresh = ledger.Lease("w", 10);
  ASSERT_EQ(fresh.size(), 1u);
  ledger.Admit(GroupOf(fresh[0], 1));
  // Step 1 is the last that may train the slow group of version 0: it waits for it.
  EXPECT_TRUE(absl::IsDeadlineExceeded(ledger.TakeBatch(Past()).status()));
  ledger.Admit(GroupOf(tickets[0], 0));
  const auto batch = ledger.TakeBatch(Past());
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->front().group.group, tickets[0].group);
}

// Three batches of version 0 at staleness 2; a fourth of version 1 is quick. Step 1 waits for one
// of the slow batches, because step 2 can train only one of the two.
TEST_F(GroupLedgerTest, QuickGroupsDoNotLetSlowOnesGrowTooOld) {
  GroupLedger ledger = Make(1, 2);
  ledger.AllowTraining(10);
  const auto tickets = ledger.Lease("w", 10);
  ASSERT_EQ(tickets.size(), 3u);
  ledger.Admit(GroupOf(tickets[0], 0));
  ASSERT_TRUE(ledger.TakeBatch(Past()).ok());
  ledger.Publish(PolicyVersion{1});
  ledger.Admit(GroupOf(ledger.Lease("w", 1)[0], 1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(ledger.TakeBatch(Past()).status()));
  ledger.Admit(GroupOf(tickets[1], 0));
  EXPECT_EQ(ledger.TakeBatch(Past())->front().group.group, tickets[1].group);
}

TEST_F(GroupLedgerTest, AnAttemptThatIsOverCannotGiveTheLeaseBack) {
  GroupLedger ledger = Make(1, 0);
  ledger.AllowTraining(5);
  const auto first = ledger.Lease("w", 1);
  clock_.Advance(absl::Seconds(11));
  const auto second = ledger.Lease("w", 1);
  ledger.Return(first[0].group, first[0].attempt);
  EXPECT_TRUE(ledger.Lease("w", 1).empty());
  ledger.Return(second[0].group, second[0].attempt);
  EXPECT_EQ(ledger.Lease("w", 1).size(), 1u);
}

TEST_F(GroupLedgerTest, GroupOfTooOldWeightsIsStaleAndLeasedAgain) {
  GroupLedger ledger = Make(1, 0);
  ledger.AllowTraining(10);
  ledger.Publish(PolicyVersion{5});
  const auto tickets = ledger.Lease("w", 1);
  EXPECT_EQ(ledger.Admit(GroupOf(tickets[0], 4)), Admission::kStale);
  const auto again = ledger.Lease("w", 1);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].group, tickets[0].group);
}

TEST_F(GroupLedgerTest, GroupOfAVersionThatDoesNotExistIsRefusedAndLeasedAgain) {
  GroupLedger ledger = Make(1, 0);
  ledger.AllowTraining(10);
  ledger.Publish(PolicyVersion{5});
  const auto tickets = ledger.Lease("w", 1);
  EXPECT_EQ(ledger.Admit(GroupOf(tickets[0], 6)), Admission::kFuture);
  EXPECT_FALSE(ledger.Refuse(tickets[0].group, tickets[0].attempt, "from the future").has_value());
  const auto again = ledger.Lease("w", 1);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].group, tickets[0].group);
  // A worker may have the next version a moment before the ledger hears that it is published.
  ledger.Announce(PolicyVersion{6});
  EXPECT_EQ(ledger.Admit(GroupOf(again[0], 6)), Admission::kAccepted);
}

class RefusalTest : public GroupLedgerTest {
 protected:
  GroupLedger Make(int max_set_aside) {
    return GroupLedger({.groups_per_step = 1, .max_refusals = 2, .max_set_aside = max_set_aside},
                       PromptFeed(100, 1),
                       {},
                       &clock_);
  }
  // Refuses what is leased next until it is set aside.
  GroupId SetAsideNext(GroupLedger* ledger) const {
    const auto first = ledger->Lease("w", 1)[0];
    EXPECT_FALSE(ledger->Refuse(first.group, first.attempt, "too large").has_value());
    const auto second = ledger->Lease("w", 1)[0];
    EXPECT_EQ(second.group, first.group);
    const auto set_aside = ledger->Refuse(second.group, second.attempt, "far too large");
    EXPECT_TRUE(set_aside.has_value());
    if (!set_aside) return {};
    EXPECT_EQ(set_aside->num_refusals, 2);
    EXPECT_EQ(set_aside->reason, "far too large");
    return set_aside->group;
  }
};

TEST_F(RefusalTest, AGroupRefusedOftenEnoughIsSetAsideAndAnotherPromptTakesItsSlot) {
  GroupLedger ledger = Make(5);
  ledger.AllowTraining(1);
  const GroupId lost = SetAsideNext(&ledger);
  const auto next = ledger.Lease("w", 1);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_NE(next[0].group, lost);
  EXPECT_EQ(ledger.Admit(GroupOf(next[0], 0)), Admission::kAccepted);
  EXPECT_TRUE(ledger.TakeBatch(Past()).ok());
  EXPECT_TRUE(ledger.Lease("w", 1).empty());  // One group was allowed, and one came.
  EXPECT_TRUE(ledger.state().untrained.empty());
  EXPECT_EQ(ledger.counts().refused, 2);
  EXPECT_EQ(ledger.counts().set_aside, 1);
}

TEST_F(RefusalTest, ALateCopyOfAGroupThatWasSetAsideIsADuplicate) {
  GroupLedger ledger = Make(5);
  ledger.AllowTraining(1);
  const GroupId lost = SetAsideNext(&ledger);
  EXPECT_EQ(ledger.Admit(GroupOf({.group = lost, .attempt = 0}, 0)), Admission::kDuplicate);
}

TEST_F(RefusalTest, AnAttemptThatIsOverCannotRefuse) {
  GroupLedger ledger = Make(5);
  ledger.AllowTraining(1);
  const auto first = ledger.Lease("w", 1)[0];
  ledger.Return(first.group, first.attempt);
  const auto second = ledger.Lease("w", 1)[0];
  EXPECT_FALSE(ledger.Refuse(first.group, first.attempt, "late").has_value());
  EXPECT_EQ(ledger.counts().refused, 0);
  EXPECT_EQ(ledger.Admit(GroupOf(second, 0)), Admission::kAccepted);
}

TEST_F(RefusalTest, AnEvaluationEndsWithoutWhatWasSetAside) {
  GroupLedger ledger = Make(5);
  const GroupId good{.pass = 9, .prompt = 0}, bad{.pass = 9, .prompt = 1};
  ledger.BeginEvaluation({bad, good});
  EXPECT_EQ(SetAsideNext(&ledger), bad);
  const auto ticket = ledger.Lease("w", 1)[0];
  EXPECT_TRUE(absl::IsDeadlineExceeded(ledger.AwaitEvaluation(Past()).status()));
  ledger.Admit(GroupOf(ticket, 0));
  const auto results = ledger.AwaitEvaluation(Past());
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->size(), 1u);
  EXPECT_EQ(results->front().group, good);
}

TEST_F(RefusalTest, MoreSetAsideThanAllowedEndsTheRunWithTheLastReason) {
  GroupLedger ledger = Make(1);
  ledger.AllowTraining(5);
  SetAsideNext(&ledger);
  EXPECT_TRUE(absl::IsDeadlineExceeded(ledger.TakeBatch(Past()).status()));
  const GroupId lost = SetAsideNext(&ledger);
  const absl::Status status = ledger.TakeBatch(absl::InfiniteFuture()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(),
            "2 groups could not be produced, the run ends with more than 1; the last was group " +
                lost.ToString() + ": far too large");
}

// The mark of a group without signal, here: no tokens drawn and a reward of 0.
class DynamicSamplingTest : public GroupLedgerTest {
 protected:
  GroupLedger Make(int groups_per_step, int max_resampled) {
    return GroupLedger({.groups_per_step = groups_per_step,
                        .lease_timeout = absl::Seconds(10),
                        .has_signal =
                            [](const domain::RolloutGroup& group) {
                              return !group.rollouts[0].score.rank_rewards.empty();
                            },
                        .max_resampled = max_resampled},
                       PromptFeed(100, 1),
                       {},
                       &clock_);
  }
  static domain::RolloutGroup With(bool has_signal, const GroupLedger::Ticket& ticket) {
    domain::RolloutGroup group = GroupOf(ticket, 0);
    if (has_signal) group.rollouts[0].score.rank_rewards = {1};
    return group;
  }
};

TEST_F(DynamicSamplingTest, GroupWithoutSignalIsReplacedByAnotherPrompt) {
  GroupLedger ledger = Make(2, 10);
  ledger.AllowTraining(2);
  const auto first = ledger.Lease("w", 10);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(ledger.Admit(With(false, first[0])), Admission::kNoSignal);
  EXPECT_EQ(ledger.Admit(With(true, first[1])), Admission::kAccepted);
  EXPECT_EQ(ledger.Admit(With(true, first[0])), Admission::kDuplicate);  // A late copy.
  const auto second = ledger.Lease("w", 10);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].group, first[0].group);
  EXPECT_EQ(ledger.Admit(With(true, second[0])), Admission::kAccepted);
  const auto batch = ledger.TakeBatch(Past());
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ((*batch)[0].group.group, first[1].group);
  EXPECT_EQ((*batch)[1].group.group, second[0].group);
  EXPECT_EQ(ledger.counts().resampled, 1);
  EXPECT_TRUE(ledger.state().untrained.empty());
  EXPECT_TRUE(ledger.Lease("w", 10).empty());  // Two groups were allowed, and two came.
}

TEST_F(DynamicSamplingTest, ThatIsBoundedPerPublishedVersion) {
  GroupLedger ledger = Make(1, 2);
  ledger.AllowTraining(2);
  for (int step = 0; step < 2; ++step) {
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(ledger.Admit(With(false, ledger.Lease("w", 1)[0])), Admission::kNoSignal);
    }
    EXPECT_EQ(ledger.Admit(With(false, ledger.Lease("w", 1)[0])), Admission::kAccepted);
    EXPECT_EQ(ledger.counts().accepted_unsignaled, step + 1);
    ASSERT_TRUE(ledger.TakeBatch(Past()).ok());
    ledger.Publish(PolicyVersion{0});
  }
  EXPECT_EQ(ledger.counts().resampled, 4);
}

TEST_F(DynamicSamplingTest, AnExpiredCopyWithoutSignalIsNotAskedForAgain) {
  GroupLedger ledger = Make(1, 10);
  ledger.AllowTraining(1);
  const auto first = ledger.Lease("w", 1);
  clock_.Advance(absl::Seconds(11));
  EXPECT_FALSE(ledger.TakeBatch(Past()).ok());  // The lease is over.
  EXPECT_EQ(ledger.Admit(With(false, first[0])), Admission::kNoSignal);
  const auto second = ledger.Lease("w", 10);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].group, first[0].group);
}

// Whatever the order of arrival: the first groups with signal in the order of handing out.
TEST_F(DynamicSamplingTest, BatchDoesNotDependOnTheOrderOfArrival) {
  std::vector<std::vector<GroupId>> batches;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    base::RandomStream random(seed, 3);
    GroupLedger ledger = Make(4, 100);
    ledger.AllowTraining(4);
    std::vector<GroupLedger::Ticket> held;
    absl::StatusOr<std::vector<GroupLedger::Admitted>> batch = absl::UnknownError("");
    while (!batch.ok()) {
      for (const auto& ticket : ledger.Lease("w", 10)) held.push_back(ticket);
      ASSERT_FALSE(held.empty());
      const auto it = held.begin() + static_cast<std::ptrdiff_t>(random.Below(held.size()));
      ledger.Admit(With(it->group.prompt % 3 == 0, *it));
      held.erase(it);
      batch = ledger.TakeBatch(Past());
    }
    std::vector<GroupId>& ids = batches.emplace_back();
    for (const auto& admitted : *batch) ids.push_back(admitted.group.group);
    EXPECT_EQ(ids, batches.front());
  }
}

TEST_F(GroupLedgerTest, EvaluationGoesFirstAndUsesNoSlot) {
  GroupLedger ledger = Make(1, 0);
  ledger.AllowTraining(10);
  ledger.Lease("w", 1);
  const GroupId eval{.pass = -1, .prompt = 3};
  ledger.BeginEvaluation({eval});
  const auto tickets = ledger.Lease("w", 1);
  ASSERT_EQ(tickets.size(), 1u);
  EXPECT_EQ(tickets[0].kind, domain::LeaseKind::kEvaluation);
  EXPECT_TRUE(absl::IsDeadlineExceeded(ledger.AwaitEvaluation(Past()).status()));
  EXPECT_EQ(ledger.Admit(GroupOf(tickets[0], 0)), Admission::kAccepted);
  const auto result = ledger.AwaitEvaluation(Past());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->front().group, eval);
}

TEST_F(GroupLedgerTest, UntrainedGroupsOfAnEarlierStartComeFirst) {
  const GroupId lost{.pass = 0, .prompt = 42};
  GroupLedger ledger = Make(1, 0, {lost});
  ledger.AllowTraining(2);
  EXPECT_EQ(ledger.Lease("w", 1)[0].group, lost);
}

TEST_F(GroupLedgerTest, CloseWakesPendingWaits) {
  GroupLedger ledger = Make(1, 0);
  absl::Status status;
  std::thread taker([&] { status = ledger.TakeBatch(absl::InfiniteFuture()).status(); });
  ledger.Close();
  taker.join();
  EXPECT_TRUE(absl::IsCancelled(status));
}

TEST_F(GroupLedgerTest, NothingIsLeasedOnceItIsClosed) {
  GroupLedger ledger = Make(1, 0);
  ledger.AllowTraining(1);
  ledger.Close();
  EXPECT_TRUE(ledger.Lease("w", 1).empty());
}

TEST_F(GroupLedgerTest, ItsListenerIsToldOfEverythingThatCanBeLeased) {
  GroupLedger ledger = Make(1, 0);
  int num_told = 0;
  ledger.SetListener([&] { ++num_told; });
  ledger.Publish(PolicyVersion{0});
  EXPECT_EQ(num_told, 0);  // No training is allowed yet.
  const auto lease_after_told = [&] {
    EXPECT_GT(std::exchange(num_told, 0), 0);
    const auto tickets = ledger.Lease("w", 1);
    EXPECT_EQ(tickets.size(), 1u);
    return tickets.at(0);
  };
  ledger.AllowTraining(10);
  GroupLedger::Ticket ticket = lease_after_told();
  ledger.Return(ticket.group, ticket.attempt);
  ticket = lease_after_told();
  ledger.ReturnAllOf("w");
  ticket = lease_after_told();
  ledger.Refuse(ticket.group, ticket.attempt, "a reason");
  ticket = lease_after_told();
  EXPECT_EQ(ledger.NextExpiry(), clock_.Now() + absl::Seconds(10));
  EXPECT_EQ(ledger.Admit(GroupOf(ticket, 0)), Admission::kAccepted);
  EXPECT_EQ(num_told, 0);  // Its slot is in use.
  ASSERT_TRUE(ledger.TakeBatch(Past()).ok());
  ledger.Publish(PolicyVersion{1});
  lease_after_told();
  ledger.BeginEvaluation({{.pass = -1, .prompt = 3}});
  lease_after_told();
  ledger.SetListener({});
  ledger.AllowTraining(10);
  ledger.ReturnAllOf("w");
  EXPECT_EQ(num_told, 0);
}

// Random leases, expiries, returns, late copies and steps: slots are conserved, no group is trained
// twice, none is older than the bound, and none is lost.
TEST_F(GroupLedgerTest, RandomOperationsKeepTheInvariants) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    base::RandomStream random(seed, 0);
    const int staleness = static_cast<int>(random.Below(3));
    const int per_step = 1 + static_cast<int>(random.Below(3));
    GroupLedger ledger = Make(per_step, staleness);
    ledger.AllowTraining(1'000'000);
    std::vector<std::pair<GroupLedger::Ticket, int64_t>>
        held;  // Ticket and the version that samples it.
    std::set<GroupId> trained;
    int64_t version = 0;
    for (int op = 0; op < 2000; ++op) {
      switch (random.Below(5)) {
        case 0:
          for (const auto& ticket : ledger.Lease("w", 1 + static_cast<int>(random.Below(3)))) {
            held.emplace_back(ticket, std::max(ticket.version.value, version));
          }
          break;
        case 1:
        case 2:
          if (!held.empty()) {
            const size_t i = random.Below(held.size());
            ledger.Admit(GroupOf(held[i].first, held[i].second));
            if (random.Below(4) != 0) held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
          }
          break;
        case 3:
          if (random.Below(8) == 0) clock_.Advance(absl::Seconds(11));
          if (!held.empty() && random.Below(4) == 0) {
            ledger.Return(held.back().first.group, held.back().first.attempt);
            held.pop_back();
          }
          break;
        case 4: {
          auto batch = ledger.TakeBatch(Past());
          if (!batch.ok()) break;
          ASSERT_EQ(static_cast<int>(batch->size()), per_step);
          for (const auto& admitted : *batch) {
            EXPECT_TRUE(trained.insert(admitted.group.group).second);
            EXPECT_LE(version - admitted.min_version.value, staleness);
          }
          ledger.Publish(PolicyVersion{++version});
          break;
        }
      }
      const auto counts = ledger.counts();
      ASSERT_LE(counts.leased + counts.waiting + counts.in_training, (staleness + 1) * per_step);
    }
    // Everything the feed gave out is trained or still known.
    const auto state = ledger.state();
    EXPECT_EQ(static_cast<int64_t>(trained.size() + state.untrained.size()), state.feed_cursor);
    EXPECT_GT(version, 10);
  }
}

}  // namespace
}  // namespace convrec::learner
