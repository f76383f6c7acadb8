#include "services/learner/train/trainer.h"

#include <torch/types.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "services/learner/batch/logprob_gap.h"
#include "services/learner/loss/policy_loss.h"
#include "services/learner/train/grad_norm.h"
#include "services/learner/train/torch_seam.h"

namespace convrec::learner {
namespace {

// Adds the time since it was made, or since the last lap, to a stage.
class LapTimer final {
 public:
  explicit LapTimer(const base::Clock* clock) : clock_(clock), start_(clock->Now()) {}
  void Lap(absl::Duration* stage) {
    const absl::Time now = clock_->Now();
    *stage += now - start_;
    start_ = now;
  }

 private:
  const base::Clock* const clock_;
  absl::Time start_;
};

std::vector<double> ToDoubles(const at::Tensor& tensor_M) {
  if (!tensor_M.defined()) return {};
  const at::Tensor values = tensor_M.detach().to(at::kDouble).cpu().contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

std::vector<TokenGroup> TokensOf(const TrainingBatch& batch) {
  std::vector<TokenGroup> groups;
  for (const SampleGroup& group : batch.groups) {
    TokenGroup& tokens = groups.emplace_back();
    tokens.prompt = group.prompt_tokens;
    tokens.make_constraint = group.make_constraint;
    for (const TrainingSample& sample : group.samples)
      tokens.completions.push_back(sample.token_ids);
  }
  return groups;
}

std::vector<TokenGroup> TokensOf(const std::vector<SftRow>& rows) {
  std::vector<TokenGroup> groups;
  for (const SftRow& row : rows) groups.push_back({row.prompt_tokens, {row.completion_tokens}});
  return groups;
}

// In compat kReference every micro-batch is averaged by its own counts and the averages are
// averaged.
double DenominatorOf(const TrainingBatch& batch,
                     const Microbatch& microbatch,
                     size_t num_microbatches) {
  if (batch.objective.compat == Compat::kFixed) return Denominator(batch.counts, batch.objective);
  LossCounts counts;
  for (const GroupSlice& slice : microbatch) {
    for (const size_t sibling : slice.siblings) {
      ++counts.num_rows;
      counts.num_loss_tokens += NumLossTokens(batch.groups[slice.group].samples[sibling]);
    }
  }
  return Denominator(counts, batch.objective) * static_cast<double>(num_microbatches);
}

LossTerms TermsOf(const TrainingBatch& batch,
                  const Microbatch& microbatch,
                  size_t num_microbatches) {
  const double denominator = DenominatorOf(batch, microbatch, num_microbatches);
  LossTerms terms;
  for (const GroupSlice& slice : microbatch) {
    const SampleGroup& group = batch.groups[slice.group];
    for (const size_t sibling : slice.siblings) {
      terms.Append(group.samples[sibling], group.lag, denominator);
    }
  }
  return terms;
}

// The values of one micro-batch as they travel between ranks.
TokenRecord RecordOf(const std::vector<std::vector<double>>& values) {
  return {values[0], values[1], values[2], values[3], values[4]};
}

// Adds what another rank recorded of its share.
void AddRecords(const Records& records,
                const TrainingBatch& share,
                int64_t microbatch_tokens,
                size_t num_microbatches,
                LossStatsAccumulator* accumulator,
                LogprobGaps* gaps) {
  const std::vector<Microbatch> microbatches =
      SplitByTokens(LengthsOf(TokensOf(share)), microbatch_tokens);
  CR_CHECK(records.size() == microbatches.size());
  for (size_t i = 0; i < records.size(); ++i) {
    accumulator->Add(TermsOf(share, microbatches[i], num_microbatches), RecordOf(records[i]));
    if (gaps != nullptr) gaps->Add(share, microbatches[i], records[i][0]);
  }
}

// A forward pass of other ranks, which this one has nothing for.
void SkipForward(const model::Decoder& decoder, bool has_backward) {
  if (decoder.keeper() == nullptr) return;
  model::HoldAsForward(model::UnitOrder(decoder.config()), has_backward, decoder.keeper());
}

std::string MemoryTable(const model::Decoder& policy,
                        const std::vector<TokenGroup>& groups,
                        int64_t budget) {
  const auto mebibytes = [](const std::vector<model::NamedTensor>& tensors) {
    double elements = 0;
    for (const model::NamedTensor& entry : tensors)
      elements += static_cast<double>(entry.tensor.numel());
    return elements * 4 / (1 << 20);
  };
  const double trained = mebibytes(policy.trained());
  int64_t largest = 0;
  const std::vector<GroupLengths> lengths = LengthsOf(groups);
  for (const Microbatch& microbatch : SplitByTokens(lengths, budget)) {
    largest = std::max(largest, NumTokens(microbatch, lengths));
  }
  return absl::StrFormat(
      "parameters %.0f MiB, gradients %.0f MiB, moments %.0f MiB, largest micro-batch %d tokens: "
      "lower learner.microbatch_tokens",
      mebibytes(policy.parameters()),
      trained,
      2 * trained,
      largest);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const Options& options,
                                                         model::Decoder* policy,
                                                         const base::Clock* clock,
                                                         ProcessGroup* group,
                                                         ShardedParameters* shards) {
  CR_CHECK(options.microbatch_tokens > 0 && options.updates_per_batch > 0);  // Of the table.
  for (const model::NamedTensor& parameter : policy->trained()) {
    if (!parameter.tensor.requires_grad()) {
      return absl::FailedPreconditionError(
          absl::StrCat(parameter.name, " needs no gradient, expected a trainable decoder"));
    }
  }
  return CatchTorch(
      [&] { return std::unique_ptr<Trainer>(new Trainer(options, policy, clock, group, shards)); },
      [&] { return MemoryTable(*policy, {}, options.microbatch_tokens); });
}

Trainer::Trainer(const Options& options,
                 model::Decoder* policy,
                 const base::Clock* clock,
                 ProcessGroup* group,
                 ShardedParameters* shards)
    : options_(options), policy_(policy), clock_(clock), group_(group) {
  if (group_ == nullptr) {
    adamw_ = std::make_unique<AdamW>(options.adamw, policy->trained());
    return;
  }
  if (policy->lora().is_on()) {
    // The optimizer gives the ranks what it trains; what it does not is the leader's as well.
    for (const model::NamedTensor& parameter : policy->parameters())
      group_->Broadcast(parameter.tensor, "the base of the adapter");
  }
  sharded_ =
      std::make_unique<ShardedAdamW>(ShardedAdamW::Options{.adamw = options.adamw,
                                                           .zero_stage = options.zero_stage,
                                                           .bucket_size = options.bucket_size},
                                     policy->trained(),
                                     group_,
                                     shards);
}

Spread Trainer::spread() const {
  return {.num_ranks = group_ != nullptr ? group_->size() : 1,
          .microbatch_tokens = options_.microbatch_tokens};
}

void Trainer::BeginStep() { sharded_ ? sharded_->BeginStep() : adamw_->ZeroGradients(); }

void Trainer::Backward(const at::Tensor& loss, bool is_last) {
  if (sharded_) sharded_->BeginBackward(is_last);
  if (loss.defined()) loss.backward();
  if (sharded_) sharded_->EndBackward();
}

// The updates of one policy step: what its micro-batches keep from one update to the next.
class Trainer::PolicyUpdates final {
 public:
  PolicyUpdates(Trainer* trainer,
                std::span<const PolicyShare> shares,
                const std::vector<TokenGroup>& groups,
                const model::Decoder* reference)
      : trainer_(*trainer),
        own_(shares[0]),
        others_(shares.subspan(1)),
        groups_(groups),
        reference_(own_.batch.objective.kl_beta > 0 ? reference : nullptr),
        microbatches_(SplitByTokens(LengthsOf(groups), trainer->options_.microbatch_tokens)),
        before_(microbatches_.size()),
        references_(microbatches_.size()) {
    stats_.batch = own_.batch.stats;
    stats_.num_microbatches = own_.num_microbatches;
  }

  StepStats Run() {
    for (int update = 0; update < trainer_.options_.updates_per_batch; ++update) {
      LossStatsAccumulator accumulator(own_.batch.objective);
      Records records;
      trainer_.BeginStep();
      for (size_t i = 0; i < num_rounds(); ++i) {
        Round(i, update, &accumulator, &records);
        if (trainer_.options_.on_microbatch) {
          trainer_.options_.on_microbatch(own_.num_rounds * update + static_cast<int64_t>(i) + 1,
                                          own_.num_rounds * trainer_.options_.updates_per_batch);
        }
      }
      LapTimer timer(trainer_.clock_);
      if (trainer_.group_ != nullptr) Gather(records, update, &accumulator);
      stats_.losses.push_back(accumulator.Finish());
      stats_.updates.push_back(trainer_.Update(update == 0 && !CheckGaps().ok()));
      timer.Lap(&stats_.times.optimizer);
      if (!stats_.updates.back().is_applied) break;
    }
    return std::move(stats_);
  }

  // Of all ranks on the leader, of its own share elsewhere.
  absl::Status CheckGaps() const {
    const double bound = trainer_.options_.max_logprob_gap;
    return bound > 0 ? gaps_.Check(bound, own_.batch.version) : absl::OkStatus();
  }

 private:
  size_t num_rounds() const { return static_cast<size_t>(own_.num_rounds); }
  size_t num_microbatches() const { return static_cast<size_t>(own_.num_microbatches); }

  void Round(size_t i, int update, LossStatsAccumulator* accumulator, Records* records) {
    LapTimer timer(trainer_.clock_);
    if (i >= microbatches_.size()) {
      Skip(i, update);
      timer.Lap(&stats_.times.backward);
      return;
    }
    const std::vector<TokenGroup> selected = Select(groups_, microbatches_[i]);
    if (update == 0 && reference_ != nullptr) {
      const at::NoGradGuard no_grad;
      references_[i] = ForwardGroups(*reference_, selected, trainer_.options_.forward)
                           .logprob_M.to(trainer_.policy_->device());
      timer.Lap(&stats_.times.reference);
    }
    const GroupLogprobs forward =
        ForwardGroups(*trainer_.policy_, selected, trainer_.options_.forward);
    const at::Tensor& logp_M = forward.logprob_M;
    const LossTerms terms = TermsOf(own_.batch, microbatches_[i], num_microbatches());
    const PolicyLossResult result =
        PolicyLoss(MakeLossTensors(terms, logp_M.device(), logp_M.scalar_type()),
                   logp_M,
                   before_[i],
                   references_[i],
                   own_.batch.objective,
                   forward.entropy_M);
    if (update == 0 && trainer_.options_.updates_per_batch > 1) before_[i] = logp_M.detach();
    timer.Lap(&stats_.times.forward);
    trainer_.Backward(result.loss, i + 1 == num_rounds());
    records->push_back({ToDoubles(logp_M),
                        ToDoubles(result.ratio_M),
                        ToDoubles(result.kl_M),
                        ToDoubles(forward.entropy_M),
                        ToDoubles(result.correction_M)});
    accumulator->Add(terms, RecordOf(records->back()));
    if (update == 0) gaps_.Add(own_.batch, microbatches_[i], records->back()[0]);
    timer.Lap(&stats_.times.backward);
  }

  // A round that this rank has no micro-batch for.
  void Skip(size_t i, int update) {
    if (update == 0 && reference_ != nullptr) SkipForward(*reference_, /*has_backward=*/false);
    SkipForward(*trainer_.policy_, /*has_backward=*/true);
    trainer_.Backward({}, i + 1 == num_rounds());
  }

  // Adds what the other ranks recorded, on the leader.
  void Gather(const Records& records, int update, LossStatsAccumulator* accumulator) {
    const std::vector<std::string> texts =
        trainer_.group_->Gather(EncodeRecords(records), "step statistics");
    for (size_t rank = 1; rank < texts.size(); ++rank) {
      AddRecords(DecodeRecords(texts[rank]),
                 others_[rank - 1].batch,
                 trainer_.options_.microbatch_tokens,
                 num_microbatches(),
                 accumulator,
                 update == 0 ? &gaps_ : nullptr);
    }
  }

  Trainer& trainer_;
  const PolicyShare& own_;
  const std::span<const PolicyShare> others_;
  const std::vector<TokenGroup>& groups_;
  const model::Decoder* const reference_;  // Null: no KL term.
  const std::vector<Microbatch> microbatches_;
  std::vector<at::Tensor> before_;  // By micro-batch: log-probabilities before the first update.
  std::vector<at::Tensor> references_;  // By micro-batch: those of the reference policy.
  LogprobGaps gaps_;                    // Before the first update.
  StepStats stats_;
};

absl::StatusOr<StepStats> Trainer::PolicyStep(std::span<const PolicyShare> shares,
                                              const model::Decoder* reference) {
  const bool is_leader = group_ == nullptr || group_->is_leader();
  CR_CHECK(shares.size() == (is_leader ? static_cast<size_t>(spread().num_ranks) : 1));
  const std::vector<TokenGroup> groups = TokensOf(shares[0].batch);
  CR_RETURN_IF_ERROR(CheckTokens(groups, policy_->config().vocab_size));
  PolicyUpdates updates(this, shares, groups, reference);
  CR_ASSIGN_OR_RETURN(
      StepStats stats,
      CatchTorch([&] { return updates.Run(); },
                 [&] { return MemoryTable(*policy_, groups, options_.microbatch_tokens); }));
  if (!stats.updates.back().is_refused) return stats;
  // The leader knows what every rank has found, and all ranks end with its sentence.
  const std::string why(updates.CheckGaps().message());
  return absl::InvalidArgumentError(
      group_ != nullptr ? group_->FromLeader(why, "why the step is not taken") : why);
}

absl::StatusOr<SftStats> Trainer::SftStep(const SftShare& share) {
  const std::vector<TokenGroup> groups = TokensOf(share.rows);
  CR_RETURN_IF_ERROR(CheckTokens(groups, policy_->config().vocab_size));
  return CatchTorch([&] { return RunSftStep(groups, share); },
                    [&] { return MemoryTable(*policy_, groups, options_.microbatch_tokens); });
}

SftStats Trainer::RunSftStep(const std::vector<TokenGroup>& groups, const SftShare& share) {
  SftStats stats;
  stats.num_tokens = share.num_tokens;
  const auto divisor = static_cast<double>(share.num_tokens);
  // The demonstrations were not drawn at the sampling temperature.
  const ForwardOptions forward_options = {1.0, options_.forward.chunk_rows};
  const std::vector<Microbatch> microbatches =
      SplitByTokens(LengthsOf(groups), options_.microbatch_tokens);
  stats.num_microbatches = static_cast<int64_t>(microbatches.size());
  const auto num_rounds = static_cast<size_t>(share.num_rounds);
  BeginStep();
  for (size_t i = 0; i < num_rounds; ++i) {
    LapTimer timer(clock_);
    if (i >= microbatches.size()) {
      SkipForward(*policy_, /*has_backward=*/true);
      Backward({}, i + 1 == num_rounds);
      timer.Lap(&stats.times.backward);
      continue;
    }
    const GroupLogprobs forward =
        ForwardGroups(*policy_, Select(groups, microbatches[i]), forward_options);
    const at::Tensor loss = -forward.logprob_M.sum() / divisor;
    timer.Lap(&stats.times.forward);
    Backward(loss, i + 1 == num_rounds);
    stats.loss += loss.item<double>();
    stats.entropy_mean += forward.entropy_M.sum().item<double>() / divisor;
    timer.Lap(&stats.times.backward);
    if (options_.on_microbatch)
      options_.on_microbatch(static_cast<int64_t>(i) + 1, share.num_rounds);
  }
  LapTimer timer(clock_);
  if (group_ != nullptr) AddOtherRanks(&stats);
  stats.update = Update();
  timer.Lap(&stats.times.optimizer);
  return stats;
}

void Trainer::AddOtherRanks(SftStats* stats) {
  const Records own = {{{stats->loss, stats->entropy_mean, double(stats->num_microbatches)}}};
  const std::vector<std::string> texts = group_->Gather(EncodeRecords(own), "step statistics");
  for (size_t rank = 1; rank < texts.size(); ++rank) {
    const std::vector<double> values = DecodeRecords(texts[rank])[0][0];
    stats->loss += values[0];
    stats->entropy_mean += values[1];
    stats->num_microbatches += static_cast<int64_t>(values[2]);
  }
}

std::vector<MomentPiece> Trainer::Moments(int rank) const {
  return sharded_ ? sharded_->Moments(rank) : adamw_->Moments();
}

int Trainer::num_shards() const { return sharded_ && options_.zero_stage > 0 ? group_->size() : 1; }

void Trainer::SetNumUpdates(int64_t num_updates) {
  sharded_ ? sharded_->SetNumSteps(num_updates) : adamw_->SetNumSteps(num_updates);
}

UpdateStats Trainer::Update(bool refuse) {
  UpdateStats stats;
  stats.learning_rate = LearningRate(options_.schedule, num_updates());
  if (sharded_) {
    const ShardedAdamW::Summed summed =
        sharded_->FinishGradients({.stop = base::StopRequested(), .refuse = refuse});
    // A machine that is taken away may be another one than that of rank 0.
    if (summed.flags.stop && group_->is_leader()) base::RequestStop();
    stats.grad_norm = summed.norm;
    stats.is_refused = summed.flags.refuse;
  } else {
    stats.grad_norm = GradNorm(policy_->trained());
    stats.is_refused = refuse;
  }
  if (stats.is_refused) return stats;
  if (!std::isfinite(stats.grad_norm)) {
    ++num_refused_updates_;
    return stats;
  }
  if (sharded_) {
    const bool clips = options_.max_grad_norm > 0 && stats.grad_norm > options_.max_grad_norm;
    sharded_->Step(stats.learning_rate, clips ? options_.max_grad_norm / stats.grad_norm : 1);
  } else {
    if (options_.max_grad_norm > 0)
      ClipGradients(policy_->trained(), stats.grad_norm, options_.max_grad_norm);
    adamw_->Step(stats.learning_rate);
  }
  stats.is_applied = true;
  return stats;
}

absl::StatusOr<std::vector<std::vector<std::vector<float>>>> Trainer::Logprobs(
    const model::Decoder& decoder, const std::vector<TokenGroup>& groups) const {
  CR_RETURN_IF_ERROR(CheckTokens(groups, decoder.config().vocab_size));
  const auto compute = [&] {
    const at::NoGradGuard no_grad;
    std::vector<std::vector<std::vector<float>>> result(groups.size());
    for (size_t g = 0; g < groups.size(); ++g) result[g].resize(groups[g].completions.size());
    for (const Microbatch& microbatch :
         SplitByTokens(LengthsOf(groups), options_.microbatch_tokens)) {
      const at::Tensor logprob_M =
          ForwardGroups(decoder, Select(groups, microbatch), options_.forward)
              .logprob_M.cpu()
              .contiguous();
      const float* next = logprob_M.const_data_ptr<float>();
      for (const GroupSlice& slice : microbatch) {
        for (const size_t sibling : slice.siblings) {
          const size_t size = groups[slice.group].completions[sibling].size();
          result[slice.group][sibling].assign(next, next + size);
          next += size;
        }
      }
    }
    return result;
  };
  return CatchTorch(compute,
                    [&] { return MemoryTable(decoder, groups, options_.microbatch_tokens); });
}

}  // namespace convrec::learner
