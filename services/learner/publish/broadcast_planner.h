// Who receives a version by broadcast, and in which group.
//
// Workers that ask for a version within `window` of the first one are the members of its broadcast;
// it begins sooner when all members of the last one have asked. Members that are all still in the
// group of the last broadcast use it again, else a new group, of the next generation, is theirs.
// Who asks later, or a second time, gets the version elsewhere. So a worker that is lost delays the
// next version by the window and is missed by no later one.
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
  // Generations count on from `first`, so that those of different starts of a learner differ.
  BroadcastPlanner(absl::Duration window, int64_t first) : window_(window), generation_(first) {}

  struct Plan {
    enum class Answer { kWait, kJoin, kElsewhere };
    Answer answer = Answer::kElsewhere;
    int64_t generation = 0;  // kJoin
    int rank = 0;            // From 1; 0 is the learner.
    int size = 0;            // Learner included.
  };
  // `held` is the generation of the group that the worker is in, 0 = none.
  Plan PlanFor(const std::string& worker, int64_t held, int64_t version, absl::Time now);
  // The worker waits for a plan no longer.
  void Gone(const std::string& worker, int64_t version);

  // What has closed and is to be sent now, once.
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
  int64_t generation_;  // Given last.
  int64_t version_ = -1;
  bool is_closed_ = true;
  absl::Time closes_ = absl::InfiniteFuture();
  std::map<std::string, int64_t> ready_;  // While open; the generations they hold.
  std::map<std::string, int> members_;    // Of the last broadcast, with ranks.
  std::set<std::string> told_;            // Of members_, for this version.
  bool is_broken_ = true;                 // There is no group of generation_.
  std::optional<Round> round_;
};

}  // namespace convrec::learner
