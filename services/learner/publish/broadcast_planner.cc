#include "services/learner/publish/broadcast_planner.h"

#include <algorithm>
#include <utility>

namespace convrec::learner {

BroadcastPlanner::Plan BroadcastPlanner::PlanFor(const std::string& worker,
                                                 int64_t held,
                                                 int64_t version,
                                                 absl::Time now) {
  if (version < version_) return {};
  if (version > version_) {
    version_ = version;
    is_closed_ = false;
    closes_ = absl::InfiniteFuture();
    ready_.clear();
  }
  if (!is_closed_) {
    if (ready_.empty()) closes_ = now + window_;
    ready_[worker] = held;
    if (now < closes_ && !AllHaveCome()) return {.answer = Plan::Answer::kWait};
    Close();
  }
  const auto member = members_.find(worker);
  if (member == members_.end() || !told_.insert(worker).second) return {};
  return {.answer = Plan::Answer::kJoin,
          .generation = generation_,
          .rank = member->second,
          .size = static_cast<int>(members_.size()) + 1};
}

void BroadcastPlanner::Gone(const std::string& worker, int64_t version) {
  if (version == version_ && !is_closed_) ready_.erase(worker);
}

bool BroadcastPlanner::AllHaveCome() const {
  return !members_.empty() && std::all_of(members_.begin(), members_.end(), [this](const auto& m) {
    return ready_.count(m.first) > 0;
  });
}

void BroadcastPlanner::Close() {
  const bool are_the_same = !is_broken_ && ready_.size() == members_.size() &&
                            std::all_of(ready_.begin(), ready_.end(), [this](const auto& entry) {
                              return entry.second == generation_ && members_.count(entry.first) > 0;
                            });
  if (!are_the_same) {
    ++generation_;
    is_broken_ = false;
    members_.clear();
    for (const auto& [worker, held] : ready_)
      members_.emplace(worker, static_cast<int>(members_.size()) + 1);
  }
  told_.clear();
  is_closed_ = true;
  closes_ = absl::InfiniteFuture();
  round_ = Round{.version = version_,
                 .generation = generation_,
                 .size = static_cast<int>(members_.size()) + 1};
}

std::optional<BroadcastPlanner::Round> BroadcastPlanner::TakeRound() {
  return std::exchange(round_, std::nullopt);
}

void BroadcastPlanner::Broken(int64_t generation) {
  if (generation == generation_) is_broken_ = true;
}

}  // namespace convrec::learner
