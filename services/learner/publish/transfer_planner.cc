#include "services/learner/publish/transfer_planner.h"

#include <algorithm>

namespace convrec::learner {
namespace {

constexpr size_t kComplaintsToExclude = 2;

}  // namespace

// An address on the loopback interface is one's own machine to everybody.
bool TransferPlanner::CanReach(const Request& from, const Member& member) {
  return !member.relay_address.empty() && (!member.is_local || from.is_local);
}

TransferPlanner::Plan TransferPlanner::PlanFor(const Request& request,
                                               int64_t version,
                                               absl::Time now) {
  if (version > version_) {
    members_.clear();
    waiting_since_.clear();
    complaints_.clear();
    version_ = version;
  }
  const Plan from_learner{.source = Plan::Source::kLearner, .address = {}};
  if (options_.fanout <= 0 || version < version_) return from_learner;
  for (const std::string& address : request.failed) complaints_[address].insert(request.worker);
  members_.erase(request.worker);
  const absl::Time waiting_since = waiting_since_.emplace(request.worker, now).first->second;

  int num_direct = 0;
  bool is_one_to_hope_for = false;
  std::map<std::string, int> readers;
  for (auto& [worker, member] : members_) {
    if (member.is_fetching && now - member.since > options_.longest_transfer)
      member.is_fetching = false;
    const bool counts = member.is_fetching || member.has_verified;
    if (member.is_direct && counts) ++num_direct;
    if (member.is_fetching && !member.source.empty()) ++readers[member.source];
    const bool failed =
        std::find(request.failed.begin(), request.failed.end(), member.relay_address) !=
        request.failed.end();
    if (counts && !failed && CanReach(request, member)) is_one_to_hope_for = true;
  }
  const Member* best = nullptr;
  for (const auto& [worker, member] : members_) {
    const std::string& address = member.relay_address;
    if (!member.has_verified || !CanReach(request, member)) continue;
    if (std::find(request.failed.begin(), request.failed.end(), address) != request.failed.end())
      continue;
    if (const auto it = complaints_.find(address);
        it != complaints_.end() && it->second.size() >= kComplaintsToExclude) {
      continue;
    }
    if (readers[address] >= options_.fanout) continue;
    if (best == nullptr || readers[address] < readers[best->relay_address]) best = &member;
  }
  Member member{.has_verified = false,
                .is_fetching = true,
                .is_direct = false,
                .is_local = request.is_local,
                .relay_address = request.relay_address,
                .source = {},
                .since = now};
  if (best != nullptr) {
    Plan plan{.source = Plan::Source::kWorker, .address = best->relay_address};
    member.source = best->relay_address;
    members_[request.worker] = std::move(member);
    return plan;
  }
  const bool may_go_direct = num_direct < options_.fanout || !request.failed.empty() ||
                             !is_one_to_hope_for || now - waiting_since >= options_.longest_wait;
  if (!may_go_direct) return {};
  member.is_direct = true;
  members_[request.worker] = std::move(member);
  return from_learner;
}

void TransferPlanner::Verified(const std::string& worker, int64_t version) {
  if (version != version_) return;
  // One that has fetched from shared memory was never planned for; nobody needs it as a source.
  const auto it = members_.find(worker);
  if (it == members_.end()) return;
  it->second.is_fetching = false;
  it->second.has_verified = true;
}

void TransferPlanner::Ended(const std::string& worker, int64_t version) {
  if (version != version_) return;
  if (const auto it = members_.find(worker); it != members_.end()) it->second.is_fetching = false;
}

}  // namespace convrec::learner
