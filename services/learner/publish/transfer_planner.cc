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

bool TransferPlanner::HasFailed(const Request& from, const std::string& address) {
  return std::find(from.failed.begin(), from.failed.end(), address) != from.failed.end();
}

void TransferPlanner::BeginVersion(int64_t version) {
  if (version <= version_) return;
  members_.clear();
  waiting_since_.clear();
  complaints_.clear();
  version_ = version;
}

TransferPlanner::Load TransferPlanner::LoadFor(const Request& request, absl::Time now) {
  Load load;
  for (auto& [worker, member] : members_) {
    if (member.is_fetching && now - member.since >= options_.longest_transfer)
      member.is_fetching = false;
    const bool counts = member.is_fetching || member.has_verified;
    if (member.is_direct && counts) ++load.num_direct;
    if (member.is_fetching && !member.source.empty()) ++load.readers[member.source];
    if (counts && !HasFailed(request, member.relay_address) && CanReach(request, member))
      load.has_prospect = true;
  }
  return load;
}

absl::Time TransferPlanner::NextTimeout() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [worker, member] : members_) {
    if (member.is_fetching) next = std::min(next, member.since + options_.longest_transfer);
  }
  return next;
}

const TransferPlanner::Member* TransferPlanner::SourceFor(const Request& request,
                                                          Load* load) const {
  const Member* best = nullptr;
  for (const auto& [worker, member] : members_) {
    const std::string& address = member.relay_address;
    if (!member.has_verified || !CanReach(request, member) || HasFailed(request, address)) continue;
    if (const auto it = complaints_.find(address);
        it != complaints_.end() && it->second.size() >= kComplaintsToExclude) {
      continue;
    }
    if (load->readers[address] >= options_.fanout) continue;
    if (best == nullptr || load->readers[address] < load->readers[best->relay_address])
      best = &member;
  }
  return best;
}

TransferPlanner::Plan TransferPlanner::PlanFor(const Request& request,
                                               int64_t version,
                                               absl::Time now) {
  BeginVersion(version);
  Plan from_learner{.source = Plan::Source::kLearner};
  if (options_.fanout <= 0 || version < version_) return from_learner;
  for (const std::string& address : request.failed) complaints_[address].insert(request.worker);
  const bool frees_place = members_.erase(request.worker) > 0;
  from_learner.frees_place = frees_place;
  const absl::Time waiting_since = waiting_since_.emplace(request.worker, now).first->second;
  Load load = LoadFor(request, now);
  Member member{.has_verified = false,
                .is_fetching = true,
                .is_direct = false,
                .is_local = request.is_local,
                .relay_address = request.relay_address,
                .source = {},
                .since = now};
  if (const Member* const source = SourceFor(request, &load)) {
    Plan plan{.source = Plan::Source::kWorker,
              .address = source->relay_address,
              .frees_place = frees_place};
    member.source = source->relay_address;
    members_[request.worker] = std::move(member);
    return plan;
  }
  const bool may_go_direct = load.num_direct < options_.fanout || !request.failed.empty() ||
                             !load.has_prospect || now - waiting_since >= options_.longest_wait;
  if (!may_go_direct) {
    return {.again = std::min(waiting_since + options_.longest_wait, NextTimeout()),
            .frees_place = frees_place};
  }
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
