#include "services/learner/publish/weight_broadcaster.h"

#include <utility>

#include "libs/base/log.h"
#include "libs/base/monotonic.h"

namespace convrec::learner {

WeightBroadcaster::WeightBroadcaster(Options options)
    : options_(std::move(options)),
      member_(options_.join),
      planner_(options_.window, options_.first_generation),
      thread_([this] { Run(); }) {}

WeightBroadcaster::~WeightBroadcaster() {
  {
    absl::MutexLock lock(&mu_);
    is_closed_ = true;
  }
  thread_.join();
}

absl::Duration WeightBroadcaster::TimeoutFor(uint64_t size_bytes) const {
  return options_.timeout + absl::Seconds(static_cast<double>(size_bytes) / options_.slowest);
}

WeightBroadcaster::Answer WeightBroadcaster::PlanFor(
    const std::string& worker,
    int64_t held,
    const std::shared_ptr<const weights::Snapshot>& snapshot) {
  using PlanAnswer = BroadcastPlanner::Plan::Answer;
  const absl::Duration timeout = TimeoutFor(snapshot->bytes.size());
  absl::MutexLock lock(&mu_);
  const BroadcastPlanner::Plan plan =
      planner_.PlanFor(worker, held, snapshot->manifest.version.value, base::MonotonicNow());
  const auto place = [&](int64_t generation, int rank, int size) {
    return collective::BroadcastPlace{.address = {},
                                      .port = options_.port,
                                      .generation = generation,
                                      .rank = rank,
                                      .size = size,
                                      .timeout = timeout};
  };
  if (const std::optional<BroadcastPlanner::Round> round = planner_.TakeRound()) {
    order_ = Order{.snapshot = snapshot, .place = place(round->generation, 0, round->size)};
    if (planned_) planned_();
  }
  switch (plan.answer) {
    case PlanAnswer::kElsewhere:
      return {.is_known = true};
    case PlanAnswer::kJoin:
      return {.is_known = true, .place = place(plan.generation, plan.rank, plan.size)};
    case PlanAnswer::kWait:
      break;
  }
  return {.again = planner_.closes()};
}

void WeightBroadcaster::SetListener(std::function<void()> planned) {
  absl::MutexLock lock(&mu_);
  planned_ = std::move(planned);
}

void WeightBroadcaster::Gone(const std::string& worker, int64_t version) {
  absl::MutexLock lock(&mu_);
  planner_.Gone(worker, version);
}

void WeightBroadcaster::Run() {
  while (true) {
    Order order;
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(this, &WeightBroadcaster::HasOrder));
      if (is_closed_) return;
      order = *std::exchange(order_, std::nullopt);
    }
    const absl::Time start = base::MonotonicNow();
    const absl::Status status = member_.Send(order.place, order.snapshot->bytes.view());
    const int64_t version = order.snapshot->manifest.version.value;
    if (status.ok()) {
      CR_LOG(INFO) << "version " << version << " broadcast to " << order.place.size - 1
                   << " workers in " << absl::FormatDuration(base::MonotonicNow() - start);
      continue;
    }
    CR_LOG(WARNING) << status.message() << "; the workers that miss version " << version
                    << " fetch it over gRPC";
    absl::MutexLock lock(&mu_);
    planner_.Broken(order.place.generation);
  }
}

}  // namespace convrec::learner
