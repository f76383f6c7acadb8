// Decides which workers receive a version by broadcast, and in which group.
//
// Workers that ask for a version within `window` of the first one are the members of its broadcast.
// It begins earlier if all members of the last broadcast have asked. If all members are still in
// the group of the last broadcast, they use it again; otherwise they get a new group of the next
// generation. A worker that asks later, or a second time, gets the version in another way. A lost
// worker thus delays only the next version, by the window.
//
// Pure: time is an argument. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"

namespace convrec::learner {

class BroadcastPlanner final {
 public:
  // Generations count up from `first`, so that different starts of a learner use different ones.
  BroadcastPlanner(absl::Duration window, int64_t first) : window_(window), generation_(first) {}

  struct Plan {
    enum class Answer { kWait, kJoin, kElsewhere };
    Answer answer = Answer::kElsewhere;
    int64_t generation = 0;  // kJoin
    int rank = 0;            // From 1; 0 is the learner.
    int size = 0;            // Includes the learner.
  };
  // `held` is the generation of the worker's current group, 0 = none.
  Plan PlanFor(const std::string& worker, int64_t held, int64_t version, absl::Time now);
  // The worker no longer waits for a plan.
  void Gone(const std::string& worker, int64_t version);

  // A broadcast whose members are known and which must be sent now; returned once.
  struct Round {
    int64_t version = 0;
    int64_t generation = 0;
    int size = 0;
  };
  std::optional<Round> TakeRound();

  // The learner has left this group.
  void Broken(int64_t generation);

  // When waiting workers should ask again.
  absl::Time closes() const { return closes_; }

 private:
  bool AllHaveCome() const;
  void Close();

  const absl::Duration window_;
  int64_t generation_;  // The last one given out.
  int64_t version_ = -1;
  bool is_closed_ = true;
  absl::Time closes_ = absl::InfiniteFuture();
  std::map<std::string, int64_t> ready_;  // While open; the generations that the workers hold.
  std::map<std::string, int> members_;    // Members of the last broadcast, with their ranks.
  std::set<std::string> told_;            // Members that have their plan for this version.
  bool is_broken_ = true;                 // There is no group of generation_.
  std::optional<Round> round_;
};

}  // namespace convrec::learner
