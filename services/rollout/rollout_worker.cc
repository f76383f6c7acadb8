#include "services/rollout/rollout_worker.h"

#include <atomic>
#include <deque>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/backoff.h"
#include "libs/base/bounded_queue.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/lists/rank_segmentation.h"
#include "services/rollout/group_submitter.h"
#include "services/rollout/list_constraints.h"
#include "services/rollout/policy/canary.h"
#include "services/rollout/policy/weight_receiver.h"
#include "services/rollout/worker_metrics.h"

namespace convrec::rollout {

class RolloutWorker::Impl {
 public:
  Impl(const RolloutWorkerOptions& options,
       LearnerClient* learner,
       PolicyClient* policy,
       RewardClient* reward,
       engine::DecoderEngine* engine,
       const tokenizer::Tokenizer* tokenizer,
       telemetry::Metrics* metrics)
      : options_(options),
        learner_(learner),
        policy_(policy),
        reward_(reward),
        engine_(engine),
        tokenizer_(tokenizer),
        metrics_(metrics),
        constraints_(options.load_titles),
        submitter_(learner, reward, tokenizer, &metrics_, options.reward_timeout),
        sampled_(256) {}

  absl::Status Run(const std::function<void()>& on_ready);
  absl::Duration StepTime() const {
    const int64_t began = step_began_ns_;
    return began == 0 ? absl::ZeroDuration() : base::MonotonicNow() - absl::FromUnixNanos(began);
  }

 private:
  absl::Status Join();
  // A call for this start has been refused: unless another one has been joined since, the lease
  // thread joins again.
  void Refused(domain::RunEpoch epoch) ABSL_LOCKS_EXCLUDED(mu_);
  void LeaseLoop();
  void LeaseMore(domain::RunEpoch epoch);
  absl::Status SampleLoop(const std::function<void()>& on_ready);
  void SubmitLoop();
  // Holds freshly swapped weights against the figures that came with them.
  absl::Status CheckLivePolicy();
  void TakeArrivedLeases();
  // Work of other starts than the one joined last: nobody wants it any more.
  void DropOldWork();
  void StartLeases();
  void StartLease(domain::Lease lease);
  void Finish(engine::GenerationResult result);
  void Forget(int rows) ABSL_LOCKS_EXCLUDED(mu_);
  void Drop(const domain::Lease& lease);
  void GiveBack(const std::vector<domain::Lease>& leases);
  void End(absl::Status status);
  // Ends all calls to the learner.
  void Close() {
    learner_->Close();
    policy_->Close();
  }
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return ended_ || must_join_ || rows_in_hand_ < options_.max_rows;
  }
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return ended_ || policy_ready_ || !arrived_.empty();
  }
  bool ended() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return ended_ || base::StopRequested();
  }

  const RolloutWorkerOptions options_;
  LearnerClient* const learner_;
  PolicyClient* const policy_;
  RewardClient* const reward_;
  engine::DecoderEngine* const engine_;
  const tokenizer::Tokenizer* const tokenizer_;
  const WorkerMetrics metrics_;
  ListConstraints constraints_;
  const GroupSubmitter submitter_;
  WorkerIdentity identity_;
  int num_ranks_ = 0;  // Of the reward service.
  base::BoundedQueue<SampledGroup> sampled_;

  mutable absl::Mutex mu_;
  RunDescription run_ ABSL_GUARDED_BY(mu_);
  bool must_join_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<domain::Lease> arrived_ ABSL_GUARDED_BY(mu_);
  int rows_in_hand_ ABSL_GUARDED_BY(mu_) = 0;  // Leased and not yet sampled.
  bool policy_ready_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status end_status_ ABSL_GUARDED_BY(mu_);

  base::Backoff joins_{absl::Milliseconds(100), absl::Seconds(10)};  // Lease thread only.

  // Sampling thread only.
  std::deque<domain::Lease> waiting_;  // For a policy that is not live yet.
  std::unordered_map<int64_t, std::pair<domain::Lease, absl::Time>> sampling_;  // By tag.
  int64_t next_tag_ = 0;
  std::unique_ptr<WeightReceiver> receiver_;

  int64_t reused_tokens_seen_ = 0;
  std::atomic<int64_t> step_began_ns_{0};  // Read by any thread; 0 between steps.
};

absl::Status RolloutWorker::Impl::Join() {
  CR_ASSIGN_OR_RETURN(RunDescription run, learner_->Join(identity_));
  if (run.num_ranks != num_ranks_) {
    return base::BadConfig(absl::StrCat("the learner trains lists of ",
                                        run.num_ranks,
                                        " ranks, the reward service scores ",
                                        num_ranks_,
                                        ": data.num_ranks must be the same"));
  }
  CR_LOG(INFO) << "joined " << run.run << ", " << run.epoch.ToString();
  if (run.constrained) CR_RETURN_IF_ERROR(constraints_.Prepare(run, identity_.digests.catalog));
  receiver_->Follow(run.epoch);
  absl::MutexLock lock(&mu_);
  run_ = std::move(run);
  must_join_ = false;
  return absl::OkStatus();
}

void RolloutWorker::Impl::End(absl::Status status) {
  absl::MutexLock lock(&mu_);
  if (!ended_) end_status_ = std::move(status);
  ended_ = true;
}

absl::Status RolloutWorker::Impl::Run(const std::function<void()>& on_ready) {
  CR_ASSIGN_OR_RETURN(const RewardDescription reward, reward_->Describe());
  num_ranks_ = reward.num_ranks;
  identity_ = {.digests = {.model = options_.model_digest,
                           .tokenizer = tokenizer_->digest(),
                           .catalog = reward.catalog_digest,
                           .rules = reward.rules_digest},
               .reward_rules = reward.rules,
               .is_float32 = engine_->is_float32()};
  WeightReceiver::Observer observer;
  observer.transfer.received = [this](TransferPlan::Source source,
                                      const weights::PayloadHeader& header) {
    metrics_.sync_bytes.Add(static_cast<double>(header.size_bytes));
    metrics_.transfers.at({source, header.encoding}).Add();
    metrics_.digest_ok.Set(1);
  };
  observer.transfer.digest_mismatch = [this] { metrics_.digest_ok.Set(0); };
  if (options_.relay != nullptr) {
    observer.transfer.verified = [this](const weights::Payload& payload,
                                        const weights::Base& base) {
      options_.relay->Serve(payload, base);
    };
  }
  observer.loaded = [this](double seconds) { metrics_.sync_seconds.Observe(seconds); };
  observer.refused = [this](domain::RunEpoch epoch) { Refused(epoch); };
  observer.failed = [this](const absl::Status& failure) { End(failure); };
  receiver_ =
      std::make_unique<WeightReceiver>(policy_, engine_, options_.transfer, observer, [this] {
        absl::MutexLock lock(&mu_);
        policy_ready_ = true;
      });
  absl::Status status = Join();
  if (status.ok()) {
    std::vector<std::thread> threads;
    threads.emplace_back([this] { LeaseLoop(); });
    for (int i = 0; i < options_.submit_threads; ++i)
      threads.emplace_back([this] { SubmitLoop(); });
    status = SampleLoop(on_ready);
    End(status);
    sampled_.Close();  // What has been sampled is still scored and submitted.
    for (size_t i = 1; i < threads.size(); ++i) threads[i].join();
    Close();
    threads.front().join();
    TakeArrivedLeases();  // What the last call brought after sampling had ended.
    GiveBack({waiting_.begin(), waiting_.end()});
  }
  Close();
  receiver_.reset();
  absl::MutexLock lock(&mu_);
  if (!end_status_.ok()) status = end_status_;
  return status;
}

void RolloutWorker::Impl::Refused(domain::RunEpoch epoch) {
  absl::MutexLock lock(&mu_);
  if (run_.epoch == epoch) must_join_ = true;
}

void RolloutWorker::Impl::LeaseLoop() {
  while (!ended()) {
    domain::RunEpoch epoch;
    bool must_join = false;
    {
      absl::MutexLock lock(&mu_);
      base::AwaitFor(&mu_, absl::Condition(this, &Impl::HasRoom), absl::Milliseconds(500));
      if (ended_) return;
      if (!HasRoom()) continue;
      epoch = run_.epoch;
      must_join = must_join_;
    }
    if (!must_join) {
      LeaseMore(epoch);
      continue;
    }
    CR_LOG(WARNING) << "the learner is no longer at " << epoch.ToString() << "; joining again";
    // Two learners behind one address refuse each other's workers in turns.
    base::WaitForStop(joins_.Next());
    if (const absl::Status joined = Join(); !joined.ok()) return End(joined);
  }
}

void RolloutWorker::Impl::LeaseMore(domain::RunEpoch epoch) {
  auto work = learner_->Lease(epoch, 4, absl::Seconds(2));
  if (absl::IsFailedPrecondition(work.status())) return Refused(epoch);
  if (!work.ok()) return End(work.status());
  absl::MutexLock lock(&mu_);
  if (work->run_complete && work->leases.empty()) {
    ended_ = true;
    Close();  // Nothing that is still under way is wanted any more.
    return;
  }
  joins_.Reset();
  for (domain::Lease& lease : work->leases) {
    rows_in_hand_ += lease.num_siblings;
    arrived_.push_back(std::move(lease));
  }
}

void RolloutWorker::Impl::TakeArrivedLeases() {
  absl::MutexLock lock(&mu_);
  policy_ready_ = false;
  while (!arrived_.empty()) {
    waiting_.push_back(std::move(arrived_.front()));
    arrived_.pop_front();
  }
}

void RolloutWorker::Impl::Drop(const domain::Lease& lease) {
  Forget(lease.num_siblings);
  metrics_.dropped.Add();
}

void RolloutWorker::Impl::DropOldWork() {
  domain::RunEpoch epoch;
  {
    absl::MutexLock lock(&mu_);
    epoch = run_.epoch;
  }
  // What arrives from here on is of this start or a newer one.
  TakeArrivedLeases();
  int dropped = 0;
  std::erase_if(waiting_, [&](const domain::Lease& lease) {
    if (lease.epoch == epoch) return false;
    Drop(lease);
    ++dropped;
    return true;
  });
  // The engine holds work of one start alone.
  if (!sampling_.empty() && sampling_.begin()->second.first.epoch != epoch) {
    for (const int64_t tag : engine_->Abort()) {
      Drop(sampling_.at(tag).first);
      ++dropped;
    }
    sampling_.clear();
  }
  if (dropped > 0) {
    CR_LOG(WARNING) << dropped << " groups dropped: they were leased before " << epoch.ToString();
  }
}

void RolloutWorker::Impl::StartLeases() {
  const engine::PolicyId live = engine_->live();
  std::deque<domain::Lease> later;
  for (domain::Lease& lease : waiting_) {
    if (live.epoch == lease.epoch && live.version >= lease.version) {
      StartLease(std::move(lease));
    } else {
      later.push_back(std::move(lease));  // For weights that are under way.
    }
  }
  waiting_ = std::move(later);
}

void RolloutWorker::Impl::StartLease(domain::Lease lease) {
  const int64_t tag = next_tag_++;
  absl::StatusOr<domain::MakeTokenConstraint> make_constraint = constraints_.For(lease);
  absl::Status added = make_constraint.status();
  if (added.ok()) {
    added = engine_->Add({.tag = tag,
                          .stream = lease.group.stream(),
                          .prompt_token_ids = lease.prompt.token_ids,
                          .num_siblings = lease.num_siblings,
                          .sampling = lease.sampling,
                          .make_constraint = *std::move(make_constraint)});
  }
  if (!added.ok()) {
    // The learner checks its prompts against the model at start, so this is a lease nobody can
    // sample.
    CR_LOG(ERROR) << "group " << lease.group.ToString() << ": " << added.message();
    metrics_.failed.Add();
    Forget(lease.num_siblings);
    End(base::Annotate(added, absl::StrCat("group ", lease.group.ToString())));
    return;
  }
  metrics_.prompt_tokens.Add(static_cast<double>(lease.prompt.token_ids.size()));
  sampling_.emplace(tag, std::make_pair(std::move(lease), base::MonotonicNow()));
}

absl::Status RolloutWorker::Impl::CheckLivePolicy() {
  const engine::PolicyId live = engine_->live();
  const WeightReceiver::Companions companions = receiver_->TakeCompanions(live);
  const bool is_exact = companions.is_float32 && engine_->is_float32();
  const absl::Status status =
      CheckCanaries(companions.canaries, is_exact ? kFloat32Canary : kBfloat16Canary, engine_);
  metrics_.canary_ok.Set(status.ok() ? 1 : 0);
  if (!status.ok()) {
    CR_LOG(ERROR) << status.message() << "; this worker submits nothing of it and ends";
    return status;
  }
  metrics_.version.Set(static_cast<double>(live.version.value));
  receiver_->Swapped(live);
  return absl::OkStatus();
}

absl::Status RolloutWorker::Impl::SampleLoop(const std::function<void()>& on_ready) {
  absl::Status status;
  bool ready = false;
  while (true) {
    if (base::StopRequested()) break;
    DropOldWork();
    if (engine_->Swap()) {
      status = CheckLivePolicy();
      if (!status.ok()) break;
      if (!std::exchange(ready, true)) on_ready();
    }
    StartLeases();
    if (engine_->idle()) {
      metrics_.running.Set(0);
      absl::MutexLock lock(&mu_);
      base::AwaitFor(&mu_, absl::Condition(this, &Impl::HasWork), absl::Milliseconds(200));
      if (ended_) break;
      continue;
    }
    step_began_ns_ = absl::ToUnixNanos(base::MonotonicNow());
    auto results = engine_->Step();
    step_began_ns_ = 0;
    if (!results.ok()) {
      status = results.status();
      break;
    }
    metrics_.generated_tokens.Add(static_cast<double>(engine_->drawn().size()));
    metrics_.running.Set(engine_->num_running_sequences());
    metrics_.cache_bytes.Set(static_cast<double>(engine_->cache_bytes()));
    metrics_.reused_tokens.Add(
        static_cast<double>(engine_->num_reused_tokens() - reused_tokens_seen_));
    reused_tokens_seen_ = engine_->num_reused_tokens();
    for (engine::GenerationResult& result : *results) Finish(std::move(result));
    absl::MutexLock lock(&mu_);
    if (ended_) break;
  }
  // Whatever has not been sampled is handed to other workers at once.
  TakeArrivedLeases();
  for (const int64_t tag : engine_->Abort()) waiting_.push_back(sampling_.at(tag).first);
  GiveBack({waiting_.begin(), waiting_.end()});
  waiting_.clear();
  sampling_.clear();
  return status;
}

void RolloutWorker::Impl::Finish(engine::GenerationResult result) {
  auto it = sampling_.find(result.tag);
  auto [lease, start] = std::move(it->second);
  sampling_.erase(it);
  metrics_.generation_seconds.Observe(absl::ToDoubleSeconds(base::MonotonicNow() - start));
  for (const domain::Completion& completion : result.completions) {
    if (completion.finish_reason == domain::FinishReason::kLength) metrics_.truncated.Add();
  }
  Forget(lease.num_siblings);
  sampled_.Push({.lease = std::move(lease), .completions = std::move(result.completions)});
}

void RolloutWorker::Impl::Forget(int rows) {
  absl::MutexLock lock(&mu_);
  rows_in_hand_ -= rows;
}

void RolloutWorker::Impl::GiveBack(const std::vector<domain::Lease>& leases) {
  if (leases.empty()) return;
  const absl::Status status = learner_->Return(leases);
  if (absl::IsFailedPrecondition(status)) return Refused(leases.front().epoch);
  if (!status.ok()) {
    CR_LOG(WARNING) << leases.size() << " groups could not be given back (" << status.message()
                    << "): they are leased again when their leases expire";
  }
}

void RolloutWorker::Impl::SubmitLoop() {
  while (const std::optional<SampledGroup> group = sampled_.Pop()) {
    const domain::Lease& lease = group->lease;
    lists::RankCounting counting;
    {
      absl::MutexLock lock(&mu_);
      counting = run_.counts_ranks_by_line ? lists::RankCounting::kByLine
                                           : lists::RankCounting::kReference;
      if (lease.epoch != run_.epoch) {
        metrics_.dropped.Add();
        continue;
      }
    }
    const GroupSubmitter::Result result = submitter_.Submit(*group, counting);
    switch (result.outcome) {
      case GroupSubmitter::Outcome::kSettled:
        break;
      case GroupSubmitter::Outcome::kRunIsOver:
        Refused(lease.epoch);
        break;
      case GroupSubmitter::Outcome::kGivenBack:
        GiveBack({lease});
        break;
      case GroupSubmitter::Outcome::kWorkerEnds:
        End(result.status);
        GiveBack({lease});
        break;
    }
  }
}

RolloutWorker::RolloutWorker(const RolloutWorkerOptions& options,
                             LearnerClient* learner,
                             PolicyClient* policy,
                             RewardClient* reward,
                             engine::DecoderEngine* engine,
                             const tokenizer::Tokenizer* tokenizer,
                             telemetry::Metrics* metrics)
    : impl_(std::make_unique<Impl>(options, learner, policy, reward, engine, tokenizer, metrics)) {}

RolloutWorker::~RolloutWorker() = default;

absl::Duration RolloutWorker::StepTime() const { return impl_->StepTime(); }

absl::Status RolloutWorker::Run(const std::function<void()>& on_ready) {
  const absl::Status status = impl_->Run(on_ready);
  return absl::IsCancelled(status) && base::StopRequested() ? absl::OkStatus() : status;
}

}  // namespace convrec::rollout
