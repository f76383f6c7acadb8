#include "services/learner/train/trainer.h"

#include <torch/types.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
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

// What the ratio is against. `before_M` is the policy before the first update; undefined while that
// is the policy under differentiation itself.
at::Tensor AnchorOf(const LossTerms& terms,
                    const at::Tensor& logp_M,
                    const at::Tensor& before_M,
                    RatioAnchor anchor) {
  bool has_stale = false;
  for (const int64_t lag : terms.lag_M) has_stale = has_stale || lag > 0;
  if (anchor == RatioAnchor::kCurrent || !has_stale) return before_M;
  const at::Tensor sampled_M =
      torch::tensor(terms.sampled_logprob_M, at::kFloat).to(logp_M.device());
  const at::Tensor is_stale_M = torch::tensor(terms.lag_M, at::kLong).to(logp_M.device()) > 0;
  return at::where(is_stale_M, sampled_M, before_M.defined() ? before_M : logp_M.detach());
}

std::string MemoryTable(const model::Decoder& policy,
                        const std::vector<TokenGroup>& groups,
                        int64_t budget) {
  double parameters = 0;
  for (const model::NamedTensor& parameter : policy.parameters()) {
    parameters += static_cast<double>(parameter.tensor.numel());
  }
  int64_t largest = 0;
  const std::vector<GroupLengths> lengths = LengthsOf(groups);
  for (const Microbatch& microbatch : SplitByTokens(lengths, budget)) {
    largest = std::max(largest, PaddedTokens(microbatch, lengths));
  }
  const double mebibytes = parameters * 4 / (1 << 20);
  return absl::StrFormat(
      "parameters %.0f MiB, gradients %.0f MiB, moments %.0f MiB, largest micro-batch %d padded "
      "tokens: "
      "lower learner.microbatch_tokens",
      mebibytes,
      mebibytes,
      2 * mebibytes,
      largest);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const Options& options,
                                                         model::Decoder* policy,
                                                         const base::Clock* clock) {
  CR_RETURN_IF_ERROR(Validate(options.schedule));
  if (options.microbatch_tokens <= 0) {
    return base::BadConfig(absl::StrCat(
        "learner.microbatch_tokens is ", options.microbatch_tokens, ", expected at least 1"));
  }
  if (options.updates_per_batch <= 0) {
    return base::BadConfig(absl::StrCat(
        "learner.updates_per_batch is ", options.updates_per_batch, ", expected at least 1"));
  }
  if (!(options.max_grad_norm >= 0)) {
    return base::BadConfig(
        absl::StrCat("optimizer.max_grad_norm is ", options.max_grad_norm, ", expected 0 or more"));
  }
  if (!(options.forward.temperature > 0)) {
    return base::BadConfig(absl::StrCat(
        "rollout.temperature is ", options.forward.temperature, ", expected more than 0"));
  }
  for (const model::NamedTensor& parameter : policy->parameters()) {
    if (!parameter.tensor.requires_grad()) {
      return absl::FailedPreconditionError(
          absl::StrCat(parameter.name, " needs no gradient, expected a trainable decoder"));
    }
  }
  return CatchTorch([&] { return std::unique_ptr<Trainer>(new Trainer(options, policy, clock)); },
                    [&] { return MemoryTable(*policy, {}, options.microbatch_tokens); });
}

Trainer::Trainer(const Options& options, model::Decoder* policy, const base::Clock* clock)
    : options_(options),
      policy_(policy),
      clock_(clock),
      optimizer_(options.adamw, policy->parameters()) {}

absl::StatusOr<StepStats> Trainer::PolicyStep(const TrainingBatch& batch,
                                              const model::Decoder* reference) {
  const std::vector<TokenGroup> groups = TokensOf(batch);
  if (groups.empty()) return absl::InvalidArgumentError("a training batch has no groups");
  CR_RETURN_IF_ERROR(CheckTokens(groups, policy_->config().vocab_size));
  return CatchTorch([&] { return RunPolicyStep(batch, groups, reference); },
                    [&] { return MemoryTable(*policy_, groups, options_.microbatch_tokens); });
}

StepStats Trainer::RunPolicyStep(const TrainingBatch& batch,
                                 const std::vector<TokenGroup>& groups,
                                 const model::Decoder* reference) {
  const Objective& objective = batch.objective;
  const std::vector<Microbatch> microbatches =
      SplitByTokens(LengthsOf(groups), options_.microbatch_tokens);
  std::vector<at::Tensor> before(microbatches.size()), references(microbatches.size());
  StepStats stats;
  stats.batch = batch.stats;
  stats.num_microbatches = static_cast<int64_t>(microbatches.size());
  for (int update = 0; update < options_.updates_per_batch; ++update) {
    LossStatsAccumulator accumulator(objective);
    optimizer_.ZeroGradients();
    for (size_t i = 0; i < microbatches.size(); ++i) {
      LapTimer timer(clock_);
      const std::vector<TokenGroup> selected = Select(groups, microbatches[i]);
      if (update == 0 && reference != nullptr && objective.kl_beta > 0) {
        const at::NoGradGuard no_grad;
        references[i] =
            ForwardGroups(*reference, selected, options_.forward).logprob_M.to(policy_->device());
        timer.Lap(&stats.times.reference);
      }
      const GroupLogprobs forward = ForwardGroups(*policy_, selected, options_.forward);
      const at::Tensor& logp_M = forward.logprob_M;
      const LossTerms terms = TermsOf(batch, microbatches[i], microbatches.size());
      const at::Tensor anchor_M = AnchorOf(terms, logp_M, before[i], objective.anchor);
      const PolicyLossResult result =
          PolicyLoss(MakeLossTensors(terms, logp_M.device(), logp_M.scalar_type()),
                     logp_M,
                     anchor_M,
                     references[i],
                     objective);
      if (update == 0 && options_.updates_per_batch > 1) before[i] = logp_M.detach();
      timer.Lap(&stats.times.forward);
      result.loss.backward();
      const std::vector<double> logp = ToDoubles(logp_M), ratio = ToDoubles(result.ratio_M),
                                kl = ToDoubles(result.kl_M), entropy = ToDoubles(forward.entropy_M);
      accumulator.Add(terms, {logp, ratio, kl, entropy});
      timer.Lap(&stats.times.backward);
    }
    LapTimer timer(clock_);
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
  return CatchTorch([&] { return RunSftStep(groups); },
                    [&] { return MemoryTable(*policy_, groups, options_.microbatch_tokens); });
}

SftStats Trainer::RunSftStep(const std::vector<TokenGroup>& groups) {
  SftStats stats;
  for (const TokenGroup& group : groups) {
    stats.num_tokens += static_cast<int64_t>(group.completions[0].size());
  }
  const auto num_tokens = static_cast<double>(stats.num_tokens);
  // The demonstrations were not drawn at the sampling temperature.
  const ForwardOptions forward_options = {1.0, options_.forward.chunk_rows};
  optimizer_.ZeroGradients();
  for (const Microbatch& microbatch :
       SplitByTokens(LengthsOf(groups), options_.microbatch_tokens)) {
    LapTimer timer(clock_);
    const GroupLogprobs forward =
        ForwardGroups(*policy_, Select(groups, microbatch), forward_options);
    const at::Tensor loss = -forward.logprob_M.sum() / num_tokens;
    timer.Lap(&stats.times.forward);
    loss.backward();
    stats.loss += loss.item<double>();
    stats.entropy_mean += forward.entropy_M.sum().item<double>() / num_tokens;
    ++stats.num_microbatches;
    timer.Lap(&stats.times.backward);
  }
  LapTimer timer(clock_);
  stats.update = Update();
  timer.Lap(&stats.times.optimizer);
  return stats;
}

UpdateStats Trainer::Update() {
  UpdateStats stats;
  stats.learning_rate = LearningRate(options_.schedule, optimizer_.num_steps());
  stats.grad_norm = GradNorm(policy_->parameters());
  if (!std::isfinite(stats.grad_norm)) {
    ++num_refused_updates_;
    return stats;
  }
  if (options_.max_grad_norm > 0) {
    ClipGradients(policy_->parameters(), stats.grad_norm, options_.max_grad_norm);
  }
  optimizer_.Step(stats.learning_rate);
  policy_->ParametersChanged();
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
