#include "services/reward/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "libs/base/random.h"
#include "services/reward/testing/fake_observer.h"

namespace convrec::reward {
namespace {

using ::testing::ElementsAre;

TEST(AdmissionTest, EachBoundIsRefusedByItsName) {
  FakeObserver observer;
  Admission admission({.max_calls = 3, .max_calls_per_client = 2, .max_held_bytes = 100},
                      &observer);
  const auto a = admission.Admit("x", 40);
  const auto b = admission.Admit("x", 40);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(absl::IsResourceExhausted(admission.Admit("x", 0).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(admission.Admit("y", 21).status()));
  const auto c = admission.Admit("y", 20);
  ASSERT_TRUE(c.ok());
  EXPECT_TRUE(absl::IsResourceExhausted(admission.Admit("z", 0).status()));
  EXPECT_THAT(observer.refusals(), ElementsAre("client", "bytes", "calls"));
}

TEST(AdmissionTest, ATicketGivesBackAllItHolds) {
  FakeObserver observer;
  Admission admission({.max_held_bytes = 100}, &observer);
  {
    auto ticket = admission.Admit("x", 100);
    ASSERT_TRUE(ticket.ok());
    const Admission::Ticket moved = *std::move(ticket);
    EXPECT_EQ(observer.load().calls, 1);
    EXPECT_EQ(observer.load().held_bytes, 100);
  }
  EXPECT_EQ(observer.load().calls, 0);
  EXPECT_EQ(observer.load().held_bytes, 0);
}

TEST(AdmissionTest, RandomCallsNeverExceedTheBoundsAndLeaveNothing) {
  FakeObserver observer;
  Admission admission({.max_calls = 5, .max_calls_per_client = 3, .max_held_bytes = 1000},
                      &observer);
  base::RandomStream random(1, 0);
  std::vector<std::optional<Admission::Ticket>> tickets(32);
  for (int round = 0; round < 20'000; ++round) {
    std::optional<Admission::Ticket>& ticket = tickets[random.Below(tickets.size())];
    if (!ticket) {
      auto admitted = admission.Admit(std::string(1, static_cast<char>('a' + random.Below(3))),
                                      static_cast<int64_t>(random.Below(300)));
      if (admitted.ok()) ticket.emplace(*std::move(admitted));
    } else {
      ticket.reset();
    }
    const RewardObserver::Load load = observer.load();
    ASSERT_TRUE(load.calls >= 0 && load.calls <= 5);
    ASSERT_TRUE(load.held_bytes >= 0 && load.held_bytes <= 1000);
  }
  tickets.clear();
  EXPECT_EQ(observer.load().calls + observer.load().held_bytes, 0);
}

}  // namespace
}  // namespace convrec::reward
