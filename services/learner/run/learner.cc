#include "services/learner/run/learner.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/base/usable_cores.h"
#include "libs/checkpoint/manifest.h"
#include "libs/config/stored_config.h"
#include "libs/model/adapter.h"
#include "libs/model/compute_threads.h"
#include "libs/model/decoder.h"
#include "libs/report/run_log.h"
#include "libs/rpc/server.h"
#include "libs/sample/sample_world.h"
#include "libs/telemetry/exposer.h"
#include "libs/telemetry/ports_file.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/learner/batch/advantage.h"
#include "services/learner/batch/group_check.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/checkpoint/checkpoint_writer.h"
#include "services/learner/checkpoint/export_model.h"
#include "services/learner/checkpoint/rank_shards.h"
#include "services/learner/experience/experience_service.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/experience/prompt_book.h"
#include "services/learner/parallel/join_ranks.h"
#include "services/learner/parallel/rank_command.h"
#include "services/learner/run/constrained_lists.h"
#include "services/learner/run/evaluation_report.h"
#include "services/learner/run/follower.h"
#include "services/learner/run/learner_metrics.h"
#include "services/learner/run/objective_of.h"
#include "services/learner/run/publication.h"
#include "services/learner/run/run_data.h"
#include "services/learner/run/run_state.h"
#include "services/learner/run/step_report.h"
#include "services/learner/run/trainer_options.h"
#include "services/learner/train/sharded_parameters.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

// Versions: 0 the model as loaded, 1 after supervised fine-tuning, then +1 per step.
domain::PolicyVersion VersionOf(int64_t rl_step) { return {rl_step + 1}; }

double SecondsSince(absl::Time start) { return absl::ToDoubleSeconds(absl::Now() - start); }

class Learner {
 public:
  // `group` is null with one rank, and of rank 0 else.
  Learner(const config::ServiceArguments& arguments,
          telemetry::Metrics* metrics,
          ProcessGroup* group)
      : options_(arguments.options),
        group_(group),
        resume_(arguments.resume),
        config_change_(arguments.allow_config_change ? config::ConfigChange::kAllowed
                                                     : config::ConfigChange::kRefused),
        objective_(ObjectiveOf(arguments.options)),
        registry_(metrics),
        metrics_(
            metrics, arguments.options.data.num_ranks, arguments.options.learner.max_staleness),
        shards_(checkpoint::CheckpointRoot(arguments.options.run_dir),
                group,
                arguments.options.learner.collective_timeout),
        checkpoints_(&shards_) {}

  ~Learner() {
    if (stop_watch_.joinable()) {
      watch_ended_ = true;
      stop_watch_.join();
    }
  }

  absl::Status Start(const std::string& name, telemetry::Exposer* exposer);
  absl::Status Run();
  // After a stop: what has been trained is kept.
  absl::Status SaveStopped();
  // `is_complete`: the workers are told that nothing will come any more.
  void ShutDown(bool is_complete);

 private:
  absl::Status KeepConfig();
  absl::Status LoadModel();
  absl::Status LoadAdaptedModel(const model::DecoderOptions& trainable);
  absl::Status Resume();
  absl::Status RunSft();
  absl::Status RunRl();
  absl::Status RunStep(int64_t step);
  absl::StatusOr<std::vector<GroupLedger::Admitted>> TakeBatch();
  // Nothing when the run log holds this evaluation already.
  absl::Status Evaluate(report::Stage stage, report::Split split, int64_t step);
  absl::Status EvaluateBetweenSteps();
  void Publish(domain::PolicyVersion version);
  std::string CheckpointName() const;
  absl::Status SaveCheckpoint(bool is_stage_end);
  // Makes trainer_; on all ranks.
  absl::Status BeginStage(RankCommand::Kind kind, const Trainer::Options& options);
  absl::Status LoadReference();
  // Stage 3: before rank 0 reads the whole policy, and then makes so many forward passes with it,
  // the other ranks are told to take part.
  void AnnounceReading(size_t num_passes);
  // Keeps in mind which step of reinforcement learning validates best.
  void NoteValidation(const report::Evaluation& evaluation);
  absl::Status Log(const report::Record& record) { return log_->Append(record); }
  absl::Status Warn(const std::string& message);
  // For dynamic sampling; empty without it.
  std::function<bool(const domain::RolloutGroup&)> SignalRule() const;
  // One sentence when replacements begin to run out.
  absl::Status WarnOfMissingSignal(const GroupLedger::Counts& counts, int64_t replaced);

  const config::RunOptions options_;
  ProcessGroup* const group_;
  const bool resume_;
  const config::ConfigChange config_change_;
  const Objective objective_;
  telemetry::Metrics* const registry_;
  const LearnerMetrics metrics_;

  std::unique_ptr<const tokenizer::Tokenizer> tokenizer_;
  std::unique_ptr<model::Decoder> policy_;
  std::unique_ptr<ShardedParameters> policy_shards_;  // Stage 3.
  std::unique_ptr<model::Decoder> reference_;
  std::unique_ptr<ShardedParameters> reference_shards_;  // Stage 3.
  RunData data_;
  ConstrainedLists constrained_;
  RunState state_;
  domain::RunEpoch epoch_;
  report::RunLog earlier_log_;  // Of the starts before this one, up to the checkpoint.
  std::unique_ptr<report::RunLogWriter> log_;
  std::unique_ptr<Trainer> trainer_;
  std::optional<checkpoint::Checkpoint> resumed_;  // Optimizer state to continue with, used once.
  RankShards shards_;
  CheckpointWriter checkpoints_;
  std::string saved_;  // Name of the last checkpoint begun or resumed from.
  double best_ndcg_ = -1;
  int64_t best_step_ = -1;
  std::string source_directory_;  // Of tokenizer and config files, for exported models.
  double mean_step_s_ = 0;
  int64_t dropped_ = 0;        // Groups dropped until the last step.
  int64_t resampled_ = 0;      // Groups replaced for want of signal until the last step.
  int64_t unsignaled_ = 0;     // Groups trained without signal until the last step.
  bool lacks_signal_ = false;  // The last step's replacements ran out.

  std::unique_ptr<PromptBook> prompts_;
  std::unique_ptr<GroupLedger> ledger_;
  std::unique_ptr<Publication> publication_;
  std::unique_ptr<ExperienceService> experience_;
  std::unique_ptr<rpc::Server> server_;
  std::thread stop_watch_;  // Wakes waits when a signal comes.
  std::atomic<bool> watch_ended_{false};
};

absl::Status Learner::LoadModel() {
  const model::DecoderOptions trainable = LearnerDecoderOptions(options_, /*trainable=*/true);
  source_directory_ = options_.model.path;
  if (trainable.lora.is_on()) return LoadAdaptedModel(trainable);
  if (resumed_) {
    CR_ASSIGN_OR_RETURN(policy_, model::LoadDecoder(resumed_->directory, trainable));
  } else {
    CR_ASSIGN_OR_RETURN(policy_,
                        model::LoadDecoder(options_.model.path, trainable, /*allow_random=*/true));
  }
  if (group_ != nullptr && options_.learner.zero_stage == 3) {
    group_->Announce(Encode({RankCommand::Kind::kShardPolicy, 0, ""}));
    policy_shards_ = std::make_unique<ShardedParameters>(policy_.get(), group_);
  }
  return absl::OkStatus();
}

// Checkpoints hold the adapter alone, so a run starts from the same base every time.
absl::Status Learner::LoadAdaptedModel(const model::DecoderOptions& trainable) {
  absl::StatusOr<std::unique_ptr<model::Decoder>> loaded =
      model::LoadDecoder(options_.model.path, trainable, /*allow_random=*/true);
  if (!loaded.ok()) return base::Annotate(loaded.status(), "model.path with learner.lora");
  policy_ = *std::move(loaded);
  const std::string digest = model::DigestOfParameters(*policy_);
  if (resumed_) {
    if (state_.base_digest != digest) {
      return base::BadConfig(
          absl::StrCat("model.path is \"",
                       options_.model.path,
                       "\", whose weights are not those the adapter of ",
                       resumed_->directory,
                       " belongs to: resume with the model the run started with"));
    }
    CR_RETURN_IF_ERROR(model::LoadAdapter(resumed_->directory, policy_.get()));
  }
  state_.base_digest = digest;
  CR_LOG(INFO) << "training an adapter of "
               << model::NumAdapterParameters(policy_->config(), trainable.lora)
               << " parameters: rank " << trainable.lora.rank << ", alpha " << trainable.lora.alpha
               << ", on " << options_.learner.lora.targets;
  return absl::OkStatus();
}

// What the run was started with is compared with, and kept for, its resumed starts.
absl::Status Learner::KeepConfig() {
  CR_ASSIGN_OR_RETURN(const std::optional<config::RunOptions> stored,
                      config::LoadStoredConfig(options_.run_dir));
  if (!stored) return config::StoreConfig(options_);
  if (resume_) CR_RETURN_IF_ERROR(config::CheckUnchanged(*stored, options_, config_change_));
  // The file of `convrec train` differs in addresses only and stays as it is.
  const bool is_unchanged =
      config::CheckUnchanged(*stored, options_, config::ConfigChange::kRefused).ok();
  return is_unchanged ? absl::OkStatus() : config::StoreConfig(options_);
}

absl::Status Learner::Resume() {
  const std::string log_path = base::JoinPath(options_.run_dir, "metrics.jsonl");
  if (resume_) {
    CR_ASSIGN_OR_RETURN(
        resumed_, checkpoint::LoadNewestCheckpoint(checkpoint::CheckpointRoot(options_.run_dir)));
  }
  if (resumed_) {
    CR_ASSIGN_OR_RETURN(state_, RunStateFromJson(resumed_->caller_state));
    saved_ = resumed_->name;
    const report::RunPosition position =
        state_.in_rl ? report::RunPosition{report::Stage::kRl, state_.rl_step}
                     : report::RunPosition{report::Stage::kSft, state_.sft_step};
    CR_RETURN_IF_ERROR(report::TruncateAfter(log_path, position));
    CR_LOG(INFO) << "resuming from " << resumed_->directory;
  } else if (resume_) {
    CR_LOG(WARNING) << "no checkpoint in " << options_.run_dir << ": starting from the beginning";
    CR_RETURN_IF_ERROR(report::TruncateAfter(log_path, {report::Stage::kZeroShot, -1}));
  }
  CR_ASSIGN_OR_RETURN(log_, report::RunLogWriter::Open(log_path));
  if (resume_ && base::FileExists(log_path)) {
    CR_ASSIGN_OR_RETURN(earlier_log_, report::ReadRunLog(log_path));
    for (const report::Evaluation& evaluation : earlier_log_.evaluations)
      NoteValidation(evaluation);
  }
  if (resumed_) {
    return Log(report::Event{
        absl::StrCat("resumed from ", resumed_->directory, ", start ", epoch_.value)});
  }
  return absl::OkStatus();
}

absl::Status Learner::Start(const std::string& name, telemetry::Exposer* exposer) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(options_.run_dir));
  CR_RETURN_IF_ERROR(KeepConfig());
  CR_ASSIGN_OR_RETURN(epoch_, NextRunEpoch(options_.run_dir));
  CR_RETURN_IF_ERROR(Resume());
  CR_RETURN_IF_ERROR(shards_.Meet());
  CR_ASSIGN_OR_RETURN(tokenizer_, tokenizer::LoadTokenizer(options_.model.path));
  CR_RETURN_IF_ERROR(LoadModel());
  CR_ASSIGN_OR_RETURN(
      data_, LoadRunData(options_, *tokenizer_, policy_->config().max_position_embeddings));
  if (data_.sft_rows_too_long > 0 || data_.prompts_cut > 0) {
    CR_LOG(WARNING) << data_.sft_rows_too_long << " SFT rows dropped as too long, "
                    << data_.prompts_cut << " prompts cut to data.max_prompt_tokens";
  }
  CR_ASSIGN_OR_RETURN(
      constrained_,
      ConstrainedLists::Create(options_, data_, *tokenizer_, policy_->config().vocab_size));
  for (const domain::GroupId group : state_.ledger.untrained) {
    if (group.prompt < 0 || group.pass < 0 ||
        static_cast<size_t>(group.prompt) >= data_.train.size()) {
      return base::BadConfig(absl::StrCat("data.train has ",
                                          data_.train.size(),
                                          " rows, but the checkpoint has group ",
                                          group.ToString(),
                                          " under way: resume with the data the run started with"));
    }
  }
  CR_LOG(INFO) << model::NumParameters(policy_->config()) << " parameters; " << data_.sft.size()
               << " SFT rows, " << data_.train.size() << " RL prompts, "
               << data_.validation.prompts.size() << " validation and " << data_.test.prompts.size()
               << " test conversations";

  const PromptBook::Sampling sampling{
      .num_siblings = options_.rollout.siblings,
      .params = {.temperature = static_cast<float>(options_.rollout.temperature),
                 // Ratios need the learner's own log-probabilities, so nothing is cut off when
                 // sampling; the constraint is replayed.
                 .top_k = 0,
                 .top_p = 1,
                 .max_new_tokens = options_.rollout.max_new_tokens,
                 .max_ranks = 0,
                 .constrained = constrained_.training(),
                 .seed = options_.seed}};
  prompts_ =
      std::make_unique<PromptBook>(data_.train, sampling, epoch_, options_.learner.lease_timeout);
  ledger_ = std::make_unique<GroupLedger>(
      GroupLedger::Options{.groups_per_step = options_.learner.groups_per_step,
                           .max_staleness = options_.learner.max_staleness,
                           .lease_timeout = options_.learner.lease_timeout,
                           .has_signal = SignalRule(),
                           .max_resampled = options_.learner.objective.max_resampled *
                                            options_.learner.groups_per_step},
      PromptFeed(std::max<size_t>(data_.train.size(), 1), options_.seed, state_.ledger.feed_cursor),
      state_.ledger.untrained,
      base::Clock::Real());
  experience_ = ExperienceService::Create(
      {.run = options_.name,
       .catalog_digest = data_.catalog->digest(),
       .tokenizer_digest = tokenizer_->digest(),
       .num_ranks = options_.data.num_ranks,
       .vocab_size = static_cast<int>(policy_->config().vocab_size),
       .counts_ranks_by_line = options_.compat == config::Compat::kFixed,
       .constrained = constrained_.training() || constrained_.evaluation(),
       .numbered_lists = options_.data.numbered_lists,
       .check_shape =
           [this](const domain::RolloutGroup& group) { return CheckGroup(group, objective_); },
       .check_group =
           [this](const domain::Lease& lease, const domain::RolloutGroup& group) {
             return constrained_.Check(lease, group);
           }},
      ledger_.get(),
      prompts_.get(),
      registry_);
  CR_ASSIGN_OR_RETURN(publication_, Publication::Create(options_, epoch_, registry_));
  std::vector<grpc::Service*> services = publication_->services();
  services.push_back(experience_->service());
  CR_ASSIGN_OR_RETURN(server_, rpc::Server::Start(options_.learner.listen, services));
  if (!options_.telemetry.ports_dir.empty()) {
    CR_RETURN_IF_ERROR(telemetry::WritePortsFile(options_.telemetry.ports_dir,
                                                 name,
                                                 {.role = "learner",
                                                  .grpc = server_->port(),
                                                  .metrics = exposer->port(),
                                                  .health = server_->port(),
                                                  .pid = ::getpid()}));
  }
  server_->SetServing(true);
  exposer->SetReady(true);
  stop_watch_ = std::thread([this] {
    while (!watch_ended_) {
      if (!base::WaitForStop(absl::Milliseconds(200))) continue;
      ledger_->Close();
      return;
    }
  });
  CR_LOG(INFO) << "serving on " << server_->address() << "; " << Describe(objective_);
  return absl::OkStatus();
}

void Learner::Publish(domain::PolicyVersion version) {
  ledger_->Announce(version);
  const std::vector<std::vector<int32_t>> texts =
      CanaryTexts(data_.train.empty() ? data_.test.prompts : data_.train);
  AnnounceReading(texts.size());
  publication_->Publish(*policy_, version, texts);
  ledger_->Publish(version);
  metrics_.SetPolicyVersion(version.value);
}

std::string Learner::CheckpointName() const {
  return state_.in_rl ? absl::StrCat("rl-", state_.rl_step) : absl::StrCat("sft-", state_.sft_step);
}

absl::Status Learner::SaveCheckpoint(bool is_stage_end) {
  state_.ledger = ledger_->state();
  saved_ = CheckpointName();
  const bool keeps_best = options_.learner.checkpoint.keep_best && best_step_ >= 0;
  CR_RETURN_IF_ERROR(checkpoints_.Finish());  // No rank waits for the disk in a collective.
  AnnounceReading(0);
  CR_RETURN_IF_ERROR(checkpoints_.Begin({.root = checkpoint::CheckpointRoot(options_.run_dir),
                                         .name = saved_,
                                         .source_directory = source_directory_,
                                         .caller_state = ToJson(state_),
                                         .keep_always = is_stage_end,
                                         .keep = options_.learner.checkpoint.keep,
                                         .best = keeps_best ? absl::StrCat("rl-", best_step_) : ""},
                                        *policy_,
                                        trainer_.get(),
                                        [this, name = saved_](absl::Duration time) {
                                          metrics_.ObserveCheckpoint(absl::ToDoubleSeconds(time));
                                          CR_LOG(INFO) << "checkpoint " << name << " written";
                                        }));
  return absl::OkStatus();
}

absl::Status Learner::BeginStage(RankCommand::Kind kind, const Trainer::Options& options) {
  if (group_ != nullptr) group_->Announce(Encode({kind, 0, ""}));
  CR_ASSIGN_OR_RETURN(
      trainer_,
      Trainer::Create(options, policy_.get(), base::Clock::Real(), group_, policy_shards_.get()));
  return absl::OkStatus();
}

void Learner::AnnounceReading(size_t num_passes) {
  if (policy_shards_ == nullptr) return;
  group_->Announce(
      Encode({RankCommand::Kind::kReadPolicy, state_.rl_step, absl::StrCat(num_passes)}));
}

absl::Status Learner::LoadReference() {
  CR_RETURN_IF_ERROR(checkpoints_.Finish());
  CR_ASSIGN_OR_RETURN(
      const checkpoint::Checkpoint start,
      checkpoint::ReadManifest(checkpoint::CheckpointRoot(options_.run_dir), "rl-0"));
  // What this start has resumed from, or has written, needs no second look.
  if (resume_ && start.name != saved_) CR_RETURN_IF_ERROR(checkpoint::VerifyFiles(start));
  model::DecoderOptions frozen = LearnerDecoderOptions(options_, /*trainable=*/false);
  if (frozen.lora.is_on()) {
    frozen.base = policy_.get();
    CR_ASSIGN_OR_RETURN(reference_, model::MakeDecoder(policy_->config(), frozen));
    CR_RETURN_IF_ERROR(model::LoadAdapter(start.directory, reference_.get()));
  } else {
    CR_ASSIGN_OR_RETURN(reference_, model::LoadDecoder(start.directory, frozen));
  }
  if (group_ == nullptr) return absl::OkStatus();
  group_->Announce(Encode({RankCommand::Kind::kLoadReference, 0, ""}));
  reference_shards_ = ShareReference(options_, reference_.get(), group_);
  return absl::OkStatus();
}

void Learner::NoteValidation(const report::Evaluation& evaluation) {
  if (evaluation.stage != report::Stage::kRl || evaluation.split != report::Split::kValidation ||
      report::Ndcg20(evaluation) <= best_ndcg_)
    return;
  best_ndcg_ = report::Ndcg20(evaluation);
  best_step_ = evaluation.step;
}

absl::Status Learner::EvaluateBetweenSteps() {
  const int every = options_.evaluation.every_steps;
  if (every <= 0 || state_.rl_step == 0 || state_.rl_step % every != 0) return absl::OkStatus();
  CR_RETURN_IF_ERROR(Evaluate(report::Stage::kRl, report::Split::kValidation, state_.rl_step));
  const bool is_lost = options_.learner.checkpoint.keep_best && best_step_ == state_.rl_step &&
                       saved_ != CheckpointName();
  return is_lost ? SaveCheckpoint(/*is_stage_end=*/false) : absl::OkStatus();
}

absl::Status Learner::Evaluate(report::Stage stage, report::Split split, int64_t step) {
  if (report::HasEvaluation(earlier_log_, {stage, step}, split)) return absl::OkStatus();
  const absl::Time start = absl::Now();
  const EvaluationSplit& rows = split == report::Split::kTest ? data_.test : data_.validation;
  const int max_new_tokens = options_.evaluation.max_new_tokens > 0
                                 ? options_.evaluation.max_new_tokens
                                 : options_.rollout.max_new_tokens;
  const std::vector<domain::GroupId> groups =
      prompts_->OpenEvaluation(&rows.prompts,
                               {.num_siblings = 1,
                                .params = {.temperature = 0,
                                           .max_new_tokens = max_new_tokens,
                                           .constrained = constrained_.evaluation(),
                                           .seed = options_.seed}});
  ledger_->BeginEvaluation(groups);
  absl::StatusOr<std::vector<domain::RolloutGroup>> results;
  int arrived = 0;
  do {
    results = ledger_->AwaitEvaluation(absl::Now() + options_.learner.starvation_timeout);
    const int now_arrived = ledger_->evaluated();
    if (absl::IsDeadlineExceeded(results.status()) && now_arrived == arrived) {
      CR_RETURN_IF_ERROR(Warn(absl::StrCat("starved: ", results.status().message())));
    }
    arrived = now_arrived;
  } while (absl::IsDeadlineExceeded(results.status()));
  prompts_->CloseEvaluation();
  CR_RETURN_IF_ERROR(results.status());
  report::Evaluation evaluation = SummariseEvaluation(*results, options_.data.num_ranks);
  evaluation.stage = stage;
  evaluation.split = split;
  evaluation.step = step;
  evaluation["seconds"] = SecondsSince(start);
  metrics_.ObserveEvaluation(evaluation);
  NoteValidation(evaluation);
  if (split == report::Split::kTest) {
    CR_RETURN_IF_ERROR(Log(report::Samples{
        .stage = stage,
        .step = step,
        .samples =
            PickSamples(*results, rows.prompts, rows.conversations, options_.evaluation.samples)}));
  }
  return Log(evaluation);
}

absl::Status Learner::RunSft() {
  const config::SftOptions& sft = options_.learner.sft;
  CR_RETURN_IF_ERROR(BeginStage(RankCommand::Kind::kBeginSft, SftTrainerOptions(options_)));
  if (resumed_) CR_RETURN_IF_ERROR(shards_.Restore(*resumed_, trainer_.get()));
  resumed_.reset();
  const size_t rows_per_step = static_cast<size_t>(sft.rows_per_step);
  PromptFeed feed(data_.sft.size(), options_.seed + 1, state_.sft_step * sft.rows_per_step);
  while (state_.sft_step < sft.steps) {
    CR_RETURN_IF_ERROR(checkpoints_.Poll());
    const absl::Time start = absl::Now();
    std::vector<SftRow> rows;
    for (size_t i = 0; i < rows_per_step; ++i)
      rows.push_back(data_.sft[static_cast<size_t>(feed.Next().prompt)]);
    CR_ASSIGN_OR_RETURN(const SftStats stats, trainer_->SftStep(rows));
    if (!stats.update.is_applied) metrics_.ObserveNonFinite();
    ++state_.sft_step;
    const double seconds = SecondsSince(start);
    report::SftStep record = SummariseSftStep(stats, seconds);
    record.step = state_.sft_step;
    record.total_steps = sft.steps;
    metrics_.Observe(record);
    CR_RETURN_IF_ERROR(Log(record));
    const int every = options_.learner.checkpoint.every_steps;
    if (every > 0 && state_.sft_step % every == 0 && state_.sft_step < sft.steps) {
      CR_RETURN_IF_ERROR(SaveCheckpoint(/*is_stage_end=*/false));
    }
    if (base::StopRequested()) return absl::CancelledError("stopped by a signal");
  }
  return absl::OkStatus();
}

absl::Status Learner::Warn(const std::string& message) {
  const std::string line =
      absl::StrCat(message, "; ", experience_->num_workers(), " workers heard of");
  CR_LOG(WARNING) << line;
  return Log(report::Event{line});
}

std::function<bool(const domain::RolloutGroup&)> Learner::SignalRule() const {
  if (!options_.learner.objective.dynamic_sampling) return {};
  return [this](const domain::RolloutGroup& group) { return HasSignal(group, objective_); };
}

absl::Status Learner::WarnOfMissingSignal(const GroupLedger::Counts& counts, int64_t replaced) {
  const int64_t taken =
      counts.accepted_unsignaled - std::exchange(unsignaled_, counts.accepted_unsignaled);
  const bool began = taken > 0 && !lacks_signal_;
  lacks_signal_ = taken > 0;
  if (!began) return absl::OkStatus();
  return Warn(absl::StrCat("starved of signal: ",
                           replaced,
                           " groups with equal rewards were replaced for this step, as many as "
                           "learner.objective.max_resampled allows, and ",
                           taken,
                           " more were taken as they are"));
}

absl::StatusOr<std::vector<GroupLedger::Admitted>> Learner::TakeBatch() {
  // Waits in pieces, so that a starved learner says what it waits for instead of standing silent.
  while (true) {
    auto batch = ledger_->TakeBatch(absl::Now() + options_.learner.starvation_timeout);
    if (!absl::IsDeadlineExceeded(batch.status())) return batch;
    CR_RETURN_IF_ERROR(Warn(absl::StrCat("starved: ", batch.status().message())));
  }
}

absl::Status Learner::RunStep(int64_t step) {
  const absl::Time start = absl::Now();
  CR_ASSIGN_OR_RETURN(std::vector<GroupLedger::Admitted> admitted, TakeBatch());
  const double wait_s = SecondsSince(start);

  std::vector<PromptedGroup> groups;
  for (GroupLedger::Admitted& group : admitted) {
    const domain::Prompt& prompt = prompts_->training_prompt(group.group.group);
    groups.push_back({.prompt_tokens = prompt.token_ids,
                      .group = std::move(group.group),
                      .make_constraint = constrained_.ForTraining(prompt)});
  }
  CR_ASSIGN_OR_RETURN(const TrainingBatch batch,
                      BuildTrainingBatch(groups, objective_, VersionOf(step - 1)));
  CR_ASSIGN_OR_RETURN(const StepStats stats, trainer_->PolicyStep(batch, reference_.get()));
  for (const UpdateStats& update : stats.updates) {
    if (!update.is_applied) metrics_.ObserveNonFinite();
  }

  state_.rl_step = step;
  const absl::Time publishing = absl::Now();
  Publish(VersionOf(step));
  const double publish_s = SecondsSince(publishing);

  report::RlStep record = SummariseStep(stats, groups, objective_);
  record.step = step;
  record.total_steps = options_.learner.steps;
  record["policy_version"] = static_cast<double>(VersionOf(step).value);
  record["publish_s"] = publish_s;
  SetTimes(wait_s, SecondsSince(start), &record);
  mean_step_s_ =
      mean_step_s_ == 0 ? record["seconds"] : 0.9 * mean_step_s_ + 0.1 * record["seconds"];
  record["eta_s"] = mean_step_s_ * static_cast<double>(options_.learner.steps - step);
  record["workers"] = experience_->num_workers();
  const GroupLedger::Counts counts = ledger_->counts();
  const int64_t dropped = counts.stale + counts.duplicate;
  record["dropped_groups"] = static_cast<double>(dropped - std::exchange(dropped_, dropped));
  record["resampled_groups"] =
      static_cast<double>(counts.resampled - std::exchange(resampled_, counts.resampled));
  CR_RETURN_IF_ERROR(WarnOfMissingSignal(counts, record.count("resampled_groups")));
  metrics_.Observe(record);
  return Log(record);
}

absl::Status Learner::RunRl() {
  const config::LearnerOptions& learner = options_.learner;
  CR_RETURN_IF_ERROR(BeginStage(RankCommand::Kind::kBeginRl, RlTrainerOptions(options_)));
  if (resumed_ && state_.rl_step > 0)
    CR_RETURN_IF_ERROR(shards_.Restore(*resumed_, trainer_.get()));
  resumed_.reset();
  if (objective_.kl_beta > 0) CR_RETURN_IF_ERROR(LoadReference());
  const int64_t groups =
      (learner.steps - state_.rl_step) * static_cast<int64_t>(learner.groups_per_step);
  ledger_->AllowTraining(groups);
  // Made up for when the run was stopped in the midst of it.
  CR_RETURN_IF_ERROR(EvaluateBetweenSteps());
  while (state_.rl_step < learner.steps) {
    CR_RETURN_IF_ERROR(checkpoints_.Poll());
    CR_RETURN_IF_ERROR(RunStep(state_.rl_step + 1));
    const int64_t step = state_.rl_step;
    if (learner.checkpoint.every_steps > 0 && step % learner.checkpoint.every_steps == 0 &&
        step < learner.steps) {
      CR_RETURN_IF_ERROR(SaveCheckpoint(/*is_stage_end=*/false));
    }
    CR_RETURN_IF_ERROR(EvaluateBetweenSteps());
    if (base::StopRequested()) return absl::CancelledError("stopped by a signal");
  }
  return absl::OkStatus();
}

absl::Status Learner::Run() {
  const bool is_fresh = !state_.in_rl && state_.sft_step == 0;
  if (is_fresh && options_.evaluation.zero_shot) {
    Publish({0});
    CR_RETURN_IF_ERROR(Evaluate(report::Stage::kZeroShot, report::Split::kTest, 0));
  }
  if (!state_.in_rl) {
    if (options_.learner.sft.steps > 0) CR_RETURN_IF_ERROR(RunSft());
    Publish(VersionOf(0));
    if (options_.learner.sft.steps > 0) {
      CR_RETURN_IF_ERROR(Evaluate(report::Stage::kSft, report::Split::kTest, state_.sft_step));
      if (options_.evaluation.every_steps > 0) {
        CR_RETURN_IF_ERROR(
            Evaluate(report::Stage::kSft, report::Split::kValidation, state_.sft_step));
      }
    }
    // The policy that reinforcement learning starts from, and is held near to.
    state_.in_rl = true;
    trainer_.reset();
    CR_RETURN_IF_ERROR(SaveCheckpoint(/*is_stage_end=*/true));
  } else {
    Publish(VersionOf(state_.rl_step));
  }
  if (options_.learner.steps > 0) {
    CR_RETURN_IF_ERROR(RunRl());
    CR_RETURN_IF_ERROR(Evaluate(report::Stage::kRl, report::Split::kTest, state_.rl_step));
    CR_RETURN_IF_ERROR(SaveCheckpoint(/*is_stage_end=*/true));
  }
  CR_RETURN_IF_ERROR(checkpoints_.Finish());
  AnnounceReading(0);
  if (policy_->lora().is_on()) {
    CR_RETURN_IF_ERROR(
        ExportAdapter(*policy_, source_directory_, base::JoinPath(options_.run_dir, "adapter")));
  }
  return ExportModel(*policy_, source_directory_, base::JoinPath(options_.run_dir, "model"));
}

absl::Status Learner::SaveStopped() {
  const bool has_steps = state_.in_rl ? state_.rl_step > 0 : state_.sft_step > 0;
  if (has_steps) CR_RETURN_IF_ERROR(SaveCheckpoint(/*is_stage_end=*/false));
  return checkpoints_.Finish();
}

void Learner::ShutDown(bool is_complete) {
  if (is_complete) experience_->CompleteRun(absl::Seconds(10));
  publication_->Close();
  ledger_->Close();
  server_->Shutdown(absl::Seconds(5));
}

}  // namespace

absl::Status RunLearner(const config::ServiceArguments& arguments) {
  DieWithParent();
  CR_ASSIGN_OR_RETURN(const RankPlace place,
                      PlaceOf([](const char* variable) { return std::getenv(variable); },
                              arguments.options.learner.ranks));
  const std::string name = arguments.name.empty() ? "learner" : arguments.name;
  const bool is_one = place.world_size == 1;
  base::SetLogRole(is_one ? name : absl::StrCat(name, "-", place.rank));
  config::ServiceArguments resolved = arguments;
  CR_ASSIGN_OR_RETURN(resolved.options, sample::ResolveSample(arguments.options));
  config::RunOptions& options = resolved.options;
  int threads = options.learner.threads;
  if (!is_one) {
    options.model.device = DeviceOfRank(options.model.device, place.local_rank);
    // Ranks of one machine share its cores.
    if (threads == 0) {
      const int cores = base::UsableCores();
      threads = std::max(1, cores / place.ranks_here);
    }
  }
  model::SetComputeThreads(threads);
  CR_ASSIGN_OR_RETURN(const Ranks ranks,
                      JoinRanks(place, options.model.device, options.learner.collective_timeout));
  if (place.rank > 0) {
    CR_RETURN_IF_ERROR(FollowLearner(options, ranks.group.get()));
    return LeaveRanks(ranks);
  }
  telemetry::Metrics metrics(options.name, "learner");
  CR_ASSIGN_OR_RETURN(const auto exposer,
                      telemetry::Exposer::Start(options.telemetry.metrics_listen, &metrics));
  Learner learner(resolved, &metrics, ranks.group.get());
  CR_RETURN_IF_ERROR(learner.Start(name, exposer.get()));
  absl::Status status = learner.Run();
  if (absl::IsCancelled(status)) {
    const absl::Status saved = learner.SaveStopped();
    if (!saved.ok()) status = saved;
  }
  if (status.ok() || absl::IsCancelled(status)) {
    const absl::Status left = LeaveRanks(ranks);
    if (!left.ok()) CR_LOG(WARNING) << left.message();
  }
  learner.ShutDown(status.ok());
  return status;
}

}  // namespace convrec::learner
