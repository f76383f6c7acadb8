#include "services/learner/run/leader_services.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/config/scorer_options.h"
#include "libs/model/config_digest.h"
#include "libs/scoring/list_scorer.h"
#include "services/learner/batch/advantage.h"
#include "services/learner/batch/group_check.h"
#include "services/learner/run/objective_of.h"

namespace convrec::learner {
namespace {

PromptBook::Sampling SamplingOf(const config::RunOptions& options, bool is_constrained) {
  return {.num_siblings = options.rollout.siblings,
          .params = {.temperature = static_cast<float>(options.rollout.temperature),
                     // Ratios need the learner's own log-probabilities, so nothing is cut off when
                     // sampling; the constraint is replayed.
                     .top_k = 0,
                     .top_p = 1,
                     .max_new_tokens = options.rollout.max_new_tokens,
                     .constrained = is_constrained,
                     .seed = options.seed}};
}

GroupLedger::Options LedgerOptions(const config::RunOptions& options, const Objective* objective) {
  const config::LearnerOptions& learner = options.learner;
  GroupLedger::Options ledger{
      .groups_per_step = learner.groups_per_step,
      .max_staleness = learner.max_staleness,
      .lease_timeout = learner.lease_timeout,
      .max_resampled = learner.objective.max_resampled * learner.groups_per_step,
      .max_refusals = learner.max_refusals,
      .max_set_aside = learner.max_set_aside};
  if (learner.objective.dynamic_sampling) {
    ledger.has_signal = [objective](const domain::RolloutGroup& group) {
      return HasSignal(group, *objective);
    };
  }
  return ledger;
}

domain::RunIdentity IdentityOf(const config::RunOptions& options,
                               const RunStart& start,
                               const RunInputs& inputs) {
  return {
      .epoch = start.epoch,
      .digests = {.model = model::ConfigDigest(inputs.model),
                  .tokenizer = inputs.tokenizer->digest(),
                  .catalog = inputs.data.catalog->digest(),
                  .rules = scoring::ListScorer::ScoringDigest(config::ScorerOptionsOf(options))}};
}

// In the log of the run and of the process.
void NoteSetAside(const GroupLedger::SetAside& group, report::RunLogWriter* log) {
  const std::string line = absl::StrCat("group ",
                                        group.group.ToString(),
                                        " is set aside, refused ",
                                        group.num_refusals,
                                        " times: ",
                                        group.reason);
  CR_LOG(WARNING) << line;
  if (const absl::Status logged = log->Append(report::Event{line}); !logged.ok())
    CR_LOG(ERROR) << logged.message();
}

ExperienceService::Options ExperienceOptions(const config::RunOptions& options,
                                             const RunStart& start,
                                             const RunInputs& inputs,
                                             const Objective* objective) {
  const ConstrainedLists& constrained = inputs.constrained;
  return {
      .run = options.name,
      .digests = IdentityOf(options, start, inputs).digests,
      .reward_rules = scoring::ListScorer::DescribeScoring(config::ScorerOptionsOf(options)),
      .num_ranks = options.data.num_ranks,
      .vocab_size = static_cast<int>(inputs.model.vocab_size),
      .counts_ranks_by_line = options.compat == config::Compat::kFixed,
      .constrained = constrained.training() || constrained.evaluation(),
      .numbered_lists = options.data.numbered_lists,
      .check_shape =
          [objective](const domain::RolloutGroup& group) { return CheckGroup(group, *objective); },
      .check_group =
          [&constrained](const domain::Lease& lease, const domain::RolloutGroup& group) {
            return constrained.Check(lease, group);
          },
      .set_aside = [log = start.log.get()](
                       const GroupLedger::SetAside& group) { NoteSetAside(group, log); }};
}

}  // namespace

LeaderServices::LeaderServices(const config::RunOptions& options,
                               const RunStart& start,
                               const RunInputs& inputs,
                               telemetry::Metrics* metrics)
    : objective_(ObjectiveOf(options)),
      prompts_(inputs.data.train,
               SamplingOf(options, inputs.constrained.training()),
               start.epoch,
               options.learner.lease_timeout),
      ledger_(LedgerOptions(options, &objective_),
              PromptFeed(std::max<size_t>(inputs.data.train.size(), 1),
                         options.seed,
                         start.state.ledger.feed_cursor),
              start.state.ledger.untrained,
              base::Clock::Real()),
      experience_(ExperienceService::Create(
          ExperienceOptions(options, start, inputs, &objective_), &ledger_, &prompts_, metrics)) {}

absl::StatusOr<std::unique_ptr<LeaderServices>> LeaderServices::Create(
    const config::RunOptions& options,
    const RunStart& start,
    const RunInputs& inputs,
    telemetry::Metrics* metrics) {
  std::unique_ptr<LeaderServices> services(new LeaderServices(options, start, inputs, metrics));
  CR_ASSIGN_OR_RETURN(services->publication_,
                      Publication::Create(options, IdentityOf(options, start, inputs), metrics));
  std::vector<grpc::Service*> served = services->publication_->services();
  served.push_back(services->experience_->service());
  CR_ASSIGN_OR_RETURN(services->server_, rpc::Server::Start(options.learner.listen, served));
  return services;
}

LeaderServices::~LeaderServices() {
  if (!stop_watch_.joinable()) return;
  watch_ended_ = true;
  stop_watch_.join();
}

void LeaderServices::Serve() {
  server_->SetServing(true);
  stop_watch_ = std::thread([this] {
    while (!watch_ended_) {
      if (!base::WaitForStop(absl::Milliseconds(200))) continue;
      ledger_.Close();
      return;
    }
  });
}

void LeaderServices::ShutDown(bool is_complete) {
  if (is_complete) experience_->CompleteRun(absl::Seconds(10));
  ledger_.Close();
  publication_->EndWaits();
  experience_->EndWaits();
  server_->Shutdown(absl::Seconds(5));
}

}  // namespace convrec::learner
