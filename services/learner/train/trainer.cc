#include "services/learner/train/trainer.h"

#include <torch/types.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "services/learner/loss/policy_loss.h"
#include "services/learner/parallel/work_split.h"
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
                LossStatsAccumulator* accumulator) {
  const std::vector<Microbatch> microbatches =
      SplitByTokens(LengthsOf(TokensOf(share)), microbatch_tokens);
  CR_CHECK(records.size() == microbatches.size());
  for (size_t i = 0; i < records.size(); ++i)
    accumulator->Add(TermsOf(share, microbatches[i], num_microbatches), RecordOf(records[i]));
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

StepPlan Trainer::PlanStep(const std::vector<TokenGroup>& groups) const {
  const std::vector<GroupLengths> lengths = LengthsOf(groups);
  StepPlan plan;
  if (group_ == nullptr) {
    plan.num_rounds = plan.num_microbatches =
        static_cast<int64_t>(SplitByTokens(lengths, options_.microbatch_tokens).size());
    return plan;
  }
  std::vector<int64_t> costs;
  for (const GroupLengths& group : lengths) {
    costs.push_back(group.prompt_tokens);
    for (const int64_t tokens : group.completion_tokens) costs.back() += tokens;
  }
  plan.shares = SplitByCost(costs, group_->size());
  for (const std::vector<size_t>& share : plan.shares) {
    std::vector<GroupLengths> own;
    for (const size_t index : share) own.push_back(lengths[index]);
    const auto count = static_cast<int64_t>(SplitByTokens(own, options_.microbatch_tokens).size());
    plan.num_rounds = std::max(plan.num_rounds, count);
    plan.num_microbatches += count;
  }
  return plan;
}

void Trainer::Announce(RankCommand::Kind kind, std::string body) {
  const int64_t step = num_updates() / options_.updates_per_batch + 1;
  group_->SetStep(step);
  group_->Announce(Encode({kind, step, std::move(body)}));
}

void Trainer::BeginStep() { sharded_ ? sharded_->BeginStep() : adamw_->ZeroGradients(); }

void Trainer::Backward(const at::Tensor& loss, bool is_last) {
  if (sharded_) sharded_->BeginBackward(is_last);
  if (loss.defined()) loss.backward();
  if (sharded_) sharded_->EndBackward();
}

absl::StatusOr<StepStats> Trainer::PolicyStep(const TrainingBatch& batch,
                                              const model::Decoder* reference) {
  const std::vector<TokenGroup> groups = TokensOf(batch);
  if (groups.empty()) return absl::InvalidArgumentError("a training batch has no groups");
  CR_RETURN_IF_ERROR(CheckTokens(groups, policy_->config().vocab_size));
  const StepPlan plan = PlanStep(groups);
  const auto table = [&] { return MemoryTable(*policy_, groups, options_.microbatch_tokens); };
  if (group_ == nullptr)
    return CatchTorch([&] { return RunPolicyStep(batch, reference, plan, {}); }, table);
  Announce(RankCommand::Kind::kPolicyStep, EncodePolicyStep(batch, plan, reference != nullptr));
  std::vector<TrainingBatch> shares;
  for (const std::vector<size_t>& share : plan.shares) shares.push_back(ShareOf(batch, share));
  const TrainingBatch own = std::move(shares[0]);
  shares.erase(shares.begin());
  return CatchTorch([&] { return RunPolicyStep(own, reference, plan, shares); }, table);
}

StepStats Trainer::RunPolicyStep(const TrainingBatch& batch,
                                 const model::Decoder* reference,
                                 const StepPlan& plan,
                                 const std::vector<TrainingBatch>& others) {
  const Objective& objective = batch.objective;
  const std::vector<TokenGroup> groups = TokensOf(batch);
  const std::vector<Microbatch> microbatches =
      SplitByTokens(LengthsOf(groups), options_.microbatch_tokens);
  const auto num_microbatches = static_cast<size_t>(plan.num_microbatches);
  std::vector<at::Tensor> before(microbatches.size()), references(microbatches.size());
  StepStats stats;
  stats.batch = batch.stats;
  stats.num_microbatches = plan.num_microbatches;
  for (int update = 0; update < options_.updates_per_batch; ++update) {
    LossStatsAccumulator accumulator(objective);
    Records records;
    BeginStep();
    for (size_t i = 0; i < static_cast<size_t>(plan.num_rounds); ++i) {
      const bool is_last = i + 1 == static_cast<size_t>(plan.num_rounds);
      LapTimer timer(clock_);
      const bool needs_reference = update == 0 && reference != nullptr && objective.kl_beta > 0;
      if (i >= microbatches.size()) {
        if (needs_reference) SkipForward(*reference, /*has_backward=*/false);
        SkipForward(*policy_, /*has_backward=*/true);
        Backward({}, is_last);
        timer.Lap(&stats.times.backward);
        continue;
      }
      const std::vector<TokenGroup> selected = Select(groups, microbatches[i]);
      if (needs_reference) {
        const at::NoGradGuard no_grad;
        references[i] =
            ForwardGroups(*reference, selected, options_.forward).logprob_M.to(policy_->device());
        timer.Lap(&stats.times.reference);
      }
      const GroupLogprobs forward = ForwardGroups(*policy_, selected, options_.forward);
      const at::Tensor& logp_M = forward.logprob_M;
      const LossTerms terms = TermsOf(batch, microbatches[i], num_microbatches);
      const PolicyLossResult result =
          PolicyLoss(MakeLossTensors(terms, logp_M.device(), logp_M.scalar_type()),
                     logp_M,
                     before[i],
                     references[i],
                     objective,
                     forward.entropy_M);
      if (update == 0 && options_.updates_per_batch > 1) before[i] = logp_M.detach();
      timer.Lap(&stats.times.forward);
      Backward(result.loss, is_last);
      records.push_back({ToDoubles(logp_M),
                         ToDoubles(result.ratio_M),
                         ToDoubles(result.kl_M),
                         ToDoubles(forward.entropy_M),
                         ToDoubles(result.correction_M)});
      accumulator.Add(terms, RecordOf(records.back()));
      timer.Lap(&stats.times.backward);
    }
    LapTimer timer(clock_);
    if (group_ != nullptr) {
      const std::vector<std::string> texts =
          group_->Gather(EncodeRecords(records), "step statistics");
      for (size_t rank = 1; rank < texts.size(); ++rank) {
        AddRecords(DecodeRecords(texts[rank]),
                   others[rank - 1],
                   options_.microbatch_tokens,
                   num_microbatches,
                   &accumulator);
      }
    }
    stats.losses.push_back(accumulator.Finish());
    stats.updates.push_back(Update());
    timer.Lap(&stats.times.optimizer);
    if (!stats.updates.back().is_applied) break;
  }
  return stats;
}

absl::StatusOr<SftStats> Trainer::SftStep(const std::vector<SftRow>& rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].completion_tokens.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", i, " has an empty completion, expected at least one token"));
    }
  }
  const std::vector<TokenGroup> groups = TokensOf(rows);
  if (groups.empty()) return absl::InvalidArgumentError("a supervised batch has no rows");
  CR_RETURN_IF_ERROR(CheckTokens(groups, policy_->config().vocab_size));
  int64_t num_tokens = 0;
  for (const SftRow& row : rows) num_tokens += static_cast<int64_t>(row.completion_tokens.size());
  const StepPlan plan = PlanStep(groups);
  std::vector<TokenGroup> own = groups;
  if (group_ != nullptr) {
    Announce(RankCommand::Kind::kSftStep, EncodeSftStep(rows, num_tokens, plan));
    own.clear();
    for (const size_t index : plan.shares[0]) own.push_back(groups[index]);
  }
  return CatchTorch([&] { return RunSftStep(own, num_tokens, plan.num_rounds); },
                    [&] { return MemoryTable(*policy_, groups, options_.microbatch_tokens); });
}

SftStats Trainer::RunSftStep(const std::vector<TokenGroup>& groups,
                             int64_t num_tokens,
                             int64_t num_rounds) {
  SftStats stats;
  stats.num_tokens = num_tokens;
  const auto divisor = static_cast<double>(num_tokens);
  // The demonstrations were not drawn at the sampling temperature.
  const ForwardOptions forward_options = {1.0, options_.forward.chunk_rows};
  const std::vector<Microbatch> microbatches =
      SplitByTokens(LengthsOf(groups), options_.microbatch_tokens);
  stats.num_microbatches = static_cast<int64_t>(microbatches.size());
  BeginStep();
  for (size_t i = 0; i < static_cast<size_t>(num_rounds); ++i) {
    const bool is_last = i + 1 == static_cast<size_t>(num_rounds);
    LapTimer timer(clock_);
    if (i >= microbatches.size()) {
      SkipForward(*policy_, /*has_backward=*/true);
      Backward({}, is_last);
      timer.Lap(&stats.times.backward);
      continue;
    }
    const GroupLogprobs forward =
        ForwardGroups(*policy_, Select(groups, microbatches[i]), forward_options);
    const at::Tensor loss = -forward.logprob_M.sum() / divisor;
    timer.Lap(&stats.times.forward);
    Backward(loss, is_last);
    stats.loss += loss.item<double>();
    stats.entropy_mean += forward.entropy_M.sum().item<double>() / divisor;
    timer.Lap(&stats.times.backward);
  }
  LapTimer timer(clock_);
  if (group_ != nullptr) {
    const Records own = {{{stats.loss, stats.entropy_mean, double(stats.num_microbatches)}}};
    const std::vector<std::string> texts = group_->Gather(EncodeRecords(own), "step statistics");
    for (size_t rank = 1; rank < texts.size(); ++rank) {
      const std::vector<double> values = DecodeRecords(texts[rank])[0][0];
      stats.loss += values[0];
      stats.entropy_mean += values[1];
      stats.num_microbatches += static_cast<int64_t>(values[2]);
    }
  }
  stats.update = Update();
  timer.Lap(&stats.times.optimizer);
  return stats;
}

void Trainer::Follow(const RankCommand& command, const FollowContext& context) {
  group_->SetStep(command.step);
  std::vector<TokenGroup> groups;
  const auto follow = [&] {
    switch (command.kind) {
      case RankCommand::Kind::kPolicyStep: {
        PolicyShare share = DecodePolicyStep(command.body, group_->rank());
        share.batch.objective = context.objective;
        for (SampleGroup& group : share.batch.groups) {
          if (context.make_constraint) group.make_constraint = context.make_constraint(group.id);
        }
        groups = TokensOf(share.batch);
        RunPolicyStep(share.batch,
                      share.has_reference ? context.reference : nullptr,
                      {{}, share.num_rounds, share.num_microbatches},
                      {});
        break;
      }
      case RankCommand::Kind::kSftStep: {
        const SftShare share = DecodeSftStep(command.body, group_->rank());
        groups = TokensOf(share.rows);
        RunSftStep(groups, share.num_tokens, share.num_rounds);
        groups.clear();
        break;
      }
      default:
        CR_CHECK(false, "no command of a trainer");
    }
    return true;
  };
  const absl::Status status = CatchTorch(follow, [&] {
                                return MemoryTable(*policy_, groups, options_.microbatch_tokens);
                              }).status();
  if (!status.ok()) group_->Fail(std::string(status.message()), base::ExitCodeOf(status));
}

std::vector<MomentPiece> Trainer::Moments(int rank) const {
  return sharded_ ? sharded_->Moments(rank) : adamw_->Moments();
}

int Trainer::num_shards() const { return sharded_ && options_.zero_stage > 0 ? group_->size() : 1; }

void Trainer::SetNumUpdates(int64_t num_updates) {
  sharded_ ? sharded_->SetNumSteps(num_updates) : adamw_->SetNumSteps(num_updates);
}

UpdateStats Trainer::Update() {
  UpdateStats stats;
  stats.learning_rate = LearningRate(options_.schedule, num_updates());
  if (sharded_) {
    const ShardedAdamW::Summed summed = sharded_->FinishGradients(base::StopRequested());
    // A machine that is taken away may be another one than that of rank 0.
    if (summed.has_flag && group_->is_leader()) base::RequestStop();
    stats.grad_norm = summed.norm;
  } else {
    stats.grad_norm = GradNorm(policy_->trained());
  }
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
