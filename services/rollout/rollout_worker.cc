#include "services/rollout/rollout_worker.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <thread>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/bounded_queue.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/constraint/list_constraint.h"
#include "libs/lists/rank_segmentation.h"
#include "services/rollout/policy/canary.h"
#include "services/rollout/policy/weight_receiver.h"

namespace convrec::rollout {
namespace {

// A lease and what has been sampled for it.
struct SampledGroup {
  domain::Lease lease;
  std::vector<domain::Completion> completions;
};

}  // namespace

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
        sampled_(256),
        generated_tokens_(metrics->AddCounter("rl_rollout_generated_tokens_total")),
        prompt_tokens_(metrics->AddCounter("rl_rollout_prompt_tokens_total")),
        truncated_(metrics->AddCounter("rl_rollout_truncated_total")),
        accepted_(Groups(metrics, "accepted")),
        duplicate_(Groups(metrics, "duplicate")),
        stale_(Groups(metrics, "stale")),
        failed_(Groups(metrics, "failed")),
        version_(metrics->AddGauge("rl_rollout_policy_version")),
        digest_ok_(metrics->AddGauge("rl_rollout_weight_digest_ok")),
        canary_ok_(metrics->AddGauge("rl_rollout_canary_ok")),
        running_(metrics->AddGauge("rl_rollout_running_sequences")),
        cache_bytes_(metrics->AddGauge("rl_rollout_cache_bytes")),
        reused_tokens_(metrics->AddCounter("rl_rollout_prefix_reused_tokens_total")),
        generation_seconds_(metrics->AddHistogram("rl_rollout_generation_seconds")),
        sync_seconds_(metrics->AddHistogram("rl_weight_sync_seconds")),
        sync_bytes_(metrics->AddCounter("rl_weight_sync_bytes_total")) {
    for (const auto& [source, name] :
         {std::pair(TransferPlan::Source::kLearner, "learner"),
          std::pair(TransferPlan::Source::kWorker, "worker"),
          std::pair(TransferPlan::Source::kSharedMemory, "shared_memory"),
          std::pair(TransferPlan::Source::kBroadcast, "broadcast")}) {
      for (const auto& [encoding, how] : {std::pair(weights::Encoding::kWhole, "whole"),
                                          std::pair(weights::Encoding::kDelta, "delta")}) {
        transfers_.emplace(std::pair(source, encoding),
                           metrics->AddCounter("rl_weight_transfers_total",
                                               {{"source", name}, {"encoding", how}}));
      }
    }
    digest_ok_.Set(1);
    canary_ok_.Set(1);
  }

  absl::Status Run(const std::function<void()>& on_ready);

 private:
  static telemetry::Counter Groups(telemetry::Metrics* metrics, const std::string& outcome) {
    return metrics->AddCounter("rl_rollout_groups_total", {{"outcome", outcome}});
  }

  absl::Status Join();
  absl::Status LoadTitles(const RunDescription& run);
  absl::StatusOr<domain::MakeTokenConstraint> ConstraintFor(const domain::Lease& lease) const;
  void LeaseLoop();
  absl::Status SampleLoop(const std::function<void()>& on_ready);
  void SubmitLoop();
  // Holds freshly swapped weights against the figures that came with them.
  absl::Status CheckLivePolicy();
  void TakeArrivedLeases();
  void StartLeases();
  void Finish(engine::GenerationResult result);
  absl::Status ScoreAndSubmit(SampledGroup group);
  domain::RolloutGroup Assemble(const SampledGroup& group) const;
  void Forget(int rows);
  void GiveBack(const std::vector<domain::Lease>& leases);
  void End(absl::Status status);
  // Ends all calls to the learner.
  void Close() {
    learner_->Close();
    policy_->Close();
  }
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return ended_ || rows_in_hand_ < options_.max_rows;
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
  WorkerIdentity identity_;
  int num_ranks_ = 0;  // Of the reward service.
  base::BoundedQueue<SampledGroup> sampled_;

  mutable absl::Mutex mu_;
  RunDescription run_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const constraint::TitleTrie> titles_
      ABSL_GUARDED_BY(mu_);  // Null before a constrained run.
  std::deque<domain::Lease> arrived_ ABSL_GUARDED_BY(mu_);
  int rows_in_hand_ ABSL_GUARDED_BY(mu_) = 0;  // Leased and not yet sampled.
  bool policy_ready_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status end_status_ ABSL_GUARDED_BY(mu_);

  // Sampling thread only.
  std::deque<domain::Lease> waiting_;  // For a policy that is not live yet.
  std::unordered_map<int64_t, std::pair<domain::Lease, absl::Time>> sampling_;  // By tag.
  int64_t next_tag_ = 0;
  std::unique_ptr<WeightReceiver> receiver_;

  const telemetry::Counter generated_tokens_, prompt_tokens_, truncated_;
  const telemetry::Counter accepted_, duplicate_, stale_, failed_;
  const telemetry::Gauge version_, digest_ok_, canary_ok_, running_, cache_bytes_;
  const telemetry::Counter reused_tokens_;
  int64_t reused_tokens_seen_ = 0;
  const telemetry::Histogram generation_seconds_, sync_seconds_;
  const telemetry::Counter sync_bytes_;
  std::map<std::pair<TransferPlan::Source, weights::Encoding>, telemetry::Counter> transfers_;
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
  CR_LOG(INFO) << "joined run " << run.run << ", start " << run.epoch.value;
  if (run.constrained) CR_RETURN_IF_ERROR(LoadTitles(run));
  receiver_->Follow(run.epoch);
  absl::MutexLock lock(&mu_);
  run_ = std::move(run);
  return absl::OkStatus();
}

// The learner has accepted the digest of the reward service's catalog; the worker's own must be the
// same.
absl::Status RolloutWorker::Impl::LoadTitles(const RunDescription& run) {
  {
    // Whether lists are numbered stays with a run; joining it again needs nothing new.
    absl::MutexLock lock(&mu_);
    if (titles_ != nullptr && run_.numbered_lists == run.numbered_lists) return absl::OkStatus();
  }
  if (!options_.load_titles)
    return absl::FailedPreconditionError("the run is constrained, the worker has no catalog");
  CR_ASSIGN_OR_RETURN(std::shared_ptr<const constraint::TitleTrie> titles,
                      options_.load_titles(run.numbered_lists ? lists::ListStyle::kNumbered
                                                              : lists::ListStyle::kPlain,
                                           run.num_ranks));
  if (titles->catalog().digest() != identity_.catalog_digest) {
    return base::BadConfig(
        absl::StrCat("data.catalog of this worker has digest ",
                     titles->catalog().digest(),
                     ", the run's is ",
                     identity_.catalog_digest,
                     ": constrained decoding needs the same catalog everywhere"));
  }
  absl::MutexLock lock(&mu_);
  titles_ = std::move(titles);
  return absl::OkStatus();
}

absl::StatusOr<domain::MakeTokenConstraint> RolloutWorker::Impl::ConstraintFor(
    const domain::Lease& lease) const {
  if (!lease.sampling.constrained) return domain::MakeTokenConstraint();
  std::shared_ptr<const constraint::TitleTrie> titles;
  {
    absl::MutexLock lock(&mu_);
    titles = titles_;
  }
  if (titles == nullptr)
    return absl::InternalError("a constrained lease of a run that is not constrained");
  return constraint::MakeListConstraints(std::move(titles), lease.prompt.seen_titles);
}

void RolloutWorker::Impl::End(absl::Status status) {
  absl::MutexLock lock(&mu_);
  if (!ended_) end_status_ = std::move(status);
  ended_ = true;
}

absl::Status RolloutWorker::Impl::Run(const std::function<void()>& on_ready) {
  CR_ASSIGN_OR_RETURN(const RewardDescription reward, reward_->Describe());
  num_ranks_ = reward.num_ranks;
  identity_ = {.worker = options_.worker,
               .catalog_digest = reward.catalog_digest,
               .tokenizer_digest = tokenizer_->digest(),
               .reward_rules = reward.rules};
  WeightReceiver::Observer observer;
  observer.transfer.received = [this](TransferPlan::Source source,
                                      const weights::PayloadHeader& header) {
    sync_bytes_.Add(static_cast<double>(header.size_bytes));
    transfers_.at({source, header.encoding}).Add();
    digest_ok_.Set(1);
  };
  observer.transfer.digest_mismatch = [this] { digest_ok_.Set(0); };
  if (options_.relay != nullptr) {
    observer.transfer.verified = [this](const weights::Payload& payload,
                                        const weights::Base& base) {
      options_.relay->Serve(payload, base);
    };
  }
  observer.loaded = [this](double seconds) { sync_seconds_.Observe(seconds); };
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

void RolloutWorker::Impl::LeaseLoop() {
  while (!ended()) {
    domain::RunEpoch epoch;
    {
      absl::MutexLock lock(&mu_);
      mu_.AwaitWithTimeout(absl::Condition(this, &Impl::HasRoom), absl::Milliseconds(500));
      if (ended_) return;
      if (!HasRoom()) continue;
      epoch = run_.epoch;
    }
    auto work = learner_->Lease(epoch, 4, absl::Seconds(2));
    if (work.ok()) {
      absl::MutexLock lock(&mu_);
      if (work->run_complete && work->leases.empty()) {
        ended_ = true;
        Close();  // Nothing that is still under way is wanted any more.
        return;
      }
      for (domain::Lease& lease : work->leases) {
        rows_in_hand_ += lease.num_siblings;
        arrived_.push_back(std::move(lease));
      }
    } else if (absl::IsFailedPrecondition(work.status())) {
      CR_LOG(WARNING) << work.status().message() << "; joining again";
      if (const absl::Status joined = Join(); !joined.ok()) return End(joined);
    } else {
      return End(work.status());
    }
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

void RolloutWorker::Impl::StartLeases() {
  const engine::PolicyId live = engine_->live();
  std::deque<domain::Lease> later;
  for (domain::Lease& lease : waiting_) {
    if (lease.epoch < live.epoch) {  // Of a learner start that is over.
      Forget(lease.num_siblings);
      continue;
    }
    if (live < engine::PolicyId{.epoch = lease.epoch, .version = lease.version}) {
      later.push_back(std::move(lease));
      continue;
    }
    const int64_t tag = next_tag_++;
    absl::StatusOr<domain::MakeTokenConstraint> make_constraint = ConstraintFor(lease);
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
      failed_.Add();
      Forget(lease.num_siblings);
      End(base::Annotate(added, absl::StrCat("group ", lease.group.ToString())));
      continue;
    }
    prompt_tokens_.Add(static_cast<double>(lease.prompt.token_ids.size()));
    sampling_.emplace(tag, std::make_pair(std::move(lease), absl::Now()));
  }
  waiting_ = std::move(later);
}

absl::Status RolloutWorker::Impl::CheckLivePolicy() {
  const engine::PolicyId live = engine_->live();
  const WeightReceiver::Companions companions = receiver_->TakeCompanions(live);
  const bool is_exact = companions.is_float32 && engine_->is_float32();
  const absl::Status status =
      CheckCanaries(companions.canaries, is_exact ? kFloat32Canary : kBfloat16Canary, engine_);
  canary_ok_.Set(status.ok() ? 1 : 0);
  if (!status.ok()) {
    CR_LOG(ERROR) << status.message() << "; this worker submits nothing of it and ends";
    return status;
  }
  version_.Set(static_cast<double>(live.version.value));
  receiver_->Swapped(live);
  return absl::OkStatus();
}

absl::Status RolloutWorker::Impl::SampleLoop(const std::function<void()>& on_ready) {
  absl::Status status;
  bool ready = false;
  while (true) {
    if (base::StopRequested()) break;
    TakeArrivedLeases();
    if (engine_->Swap()) {
      status = CheckLivePolicy();
      if (!status.ok()) break;
      if (!std::exchange(ready, true)) on_ready();
    }
    StartLeases();
    if (engine_->idle()) {
      running_.Set(0);
      absl::MutexLock lock(&mu_);
      mu_.AwaitWithTimeout(absl::Condition(this, &Impl::HasWork), absl::Milliseconds(200));
      if (ended_) break;
      continue;
    }
    auto results = engine_->Step();
    if (!results.ok()) {
      status = results.status();
      break;
    }
    generated_tokens_.Add(static_cast<double>(engine_->drawn().size()));
    running_.Set(engine_->num_running_sequences());
    cache_bytes_.Set(static_cast<double>(engine_->cache_bytes()));
    reused_tokens_.Add(static_cast<double>(engine_->num_reused_tokens() - reused_tokens_seen_));
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
  generation_seconds_.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  for (const domain::Completion& completion : result.completions) {
    if (completion.finish_reason == domain::FinishReason::kLength) truncated_.Add();
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
  if (!status.ok()) {
    CR_LOG(WARNING) << leases.size() << " groups could not be given back (" << status.message()
                    << "): they are leased again when their leases expire";
  }
}

void RolloutWorker::Impl::SubmitLoop() {
  while (true) {
    std::optional<SampledGroup> group = sampled_.Pop();
    if (!group) return;
    const domain::Lease lease = group->lease;
    const absl::Status status = ScoreAndSubmit(*std::move(group));
    if (!status.ok()) {
      failed_.Add();
      CR_LOG(WARNING) << "group " << lease.group.ToString() << ": " << status.message()
                      << "; giving it back";
      GiveBack({lease});
    }
  }
}

domain::RolloutGroup RolloutWorker::Impl::Assemble(const SampledGroup& group) const {
  lists::RankCounting counting;
  {
    absl::MutexLock lock(&mu_);
    counting =
        run_.counts_ranks_by_line ? lists::RankCounting::kByLine : lists::RankCounting::kReference;
  }
  const std::vector<int32_t>& stop_ids = tokenizer_->stop_ids();
  const auto is_end = [&stop_ids](int32_t id) {
    return std::binary_search(stop_ids.begin(), stop_ids.end(), id);
  };
  domain::RolloutGroup result{.group = group.lease.group,
                              .attempt = group.lease.attempt,
                              .epoch = group.lease.epoch,
                              .rollouts = {}};
  for (const domain::Completion& completion : group.completions) {
    domain::Rollout rollout;
    rollout.completion = completion;
    rollout.rank_of_token =
        lists::SegmentRanks(counting, completion.token_ids, is_end, [this](int32_t id) {
          return std::string_view(tokenizer_->TokenBytes(id));
        }).rank_of_token;
    for (const int32_t id : completion.token_ids) {
      if (!is_end(id)) rollout.text += tokenizer_->TokenBytes(id);
    }
    result.rollouts.push_back(std::move(rollout));
  }
  return result;
}

absl::Status RolloutWorker::Impl::ScoreAndSubmit(SampledGroup sampled) {
  domain::RolloutGroup group = Assemble(sampled);
  std::vector<std::string> texts;
  for (const domain::Rollout& rollout : group.rollouts) texts.push_back(rollout.text);
  CR_ASSIGN_OR_RETURN(std::vector<domain::ListScore> scores,
                      reward_->Score(texts, sampled.lease.prompt, options_.reward_timeout));
  for (size_t i = 0; i < scores.size(); ++i) group.rollouts[i].score = std::move(scores[i]);
  const auto admission = learner_->Submit(group);
  if (absl::IsFailedPrecondition(admission.status()))
    return absl::OkStatus();  // Of a learner start that is over.
  if (!admission.ok()) return admission.status();
  switch (*admission) {
    case Admission::kAccepted:
      accepted_.Add();
      break;
    case Admission::kDuplicate:
      duplicate_.Add();
      break;
    case Admission::kStale:
      stale_.Add();
      break;
    case Admission::kInvalid:
      failed_.Add();
      CR_LOG(ERROR) << "the learner refused group " << group.group.ToString() << " as malformed";
      break;
  }
  return absl::OkStatus();
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

absl::Status RolloutWorker::Run(const std::function<void()>& on_ready) {
  const absl::Status status = impl_->Run(on_ready);
  return absl::IsCancelled(status) && base::StopRequested() ? absl::OkStatus() : status;
}

}  // namespace convrec::rollout
