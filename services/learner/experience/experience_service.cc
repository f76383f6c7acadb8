#include "services/learner/experience/experience_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/log.h"
#include "libs/rpc/long_poll.h"
#include "libs/rpc/status_convert.h"
#include "libs/wire/common.h"
#include "libs/wire/lease.h"
#include "libs/wire/rollout.h"
#include "proto/experience.grpc.pb.h"

namespace convrec::learner {
namespace {

// Submissions come as the bytes that were sent, so that those that cannot be read are told of and
// counted here.
using Handlers =
    v1::ExperienceService::WithRawCallbackMethod_SubmitGroups<v1::ExperienceService::Service>;

class Service final : public ExperienceService, public Handlers {
 public:
  Service(const Options& options,
          GroupLedger* ledger,
          const PromptBook* prompts,
          telemetry::Metrics* metrics)
      : options_(options),
        ledger_(ledger),
        prompts_(prompts),
        duplicate_(Dropped(metrics, "duplicate")),
        stale_(Dropped(metrics, "stale")),
        invalid_(Dropped(metrics, "invalid")),
        illegal_(Dropped(metrics, "illegal")),
        future_(Dropped(metrics, "future")),
        zero_signal_(Dropped(metrics, "zero_signal")),
        unreadable_(Dropped(metrics, "unreadable")),
        depth_(metrics->AddGauge("rl_buffer_depth")) {}

  grpc::Service* service() override { return this; }
  void CompleteRun(absl::Duration grace) override ABSL_LOCKS_EXCLUDED(mu_) {
    run_complete_ = true;
    absl::MutexLock lock(&mu_);
    mu_.AwaitWithTimeout(absl::Condition(this, &Service::AllAreTold), grace);
  }
  int num_workers() const override ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    const absl::Time recent = absl::Now() - absl::Minutes(1);
    return static_cast<int>(
        std::count_if(last_heard_.begin(), last_heard_.end(), [recent](const auto& entry) {
          return entry.second > recent;
        }));
  }

  grpc::Status Join(grpc::ServerContext*,
                    const v1::JoinRequest* request,
                    v1::JoinReply* reply) override {
    if (request->catalog_digest() != options_.catalog_digest) {
      return Refuse(absl::StrCat("worker ",
                                 request->worker(),
                                 " scores with catalog ",
                                 request->catalog_digest(),
                                 ", this run uses ",
                                 options_.catalog_digest));
    }
    if (request->tokenizer_digest() != options_.tokenizer_digest) {
      return Refuse(absl::StrCat("worker ",
                                 request->worker(),
                                 " has tokenizer ",
                                 request->tokenizer_digest(),
                                 ", this run uses ",
                                 options_.tokenizer_digest));
    }
    CR_LOG(INFO) << request->worker() << " joined; rewards: " << request->reward_rules();
    Hear(request->worker());
    reply->set_run(options_.run);
    reply->set_epoch(prompts_->epoch().value);
    reply->set_num_ranks(options_.num_ranks);
    reply->set_segmentation(options_.counts_ranks_by_line ? "by_line" : "reference");
    reply->set_constrained(options_.constrained);
    reply->set_numbered_lists(options_.numbered_lists);
    return grpc::Status::OK;
  }

  grpc::Status LeasePrompts(grpc::ServerContext* context,
                            const v1::LeasePromptsRequest* request,
                            v1::LeasePromptsReply* reply) override {
    const absl::Status epoch = wire::CheckEpoch(request->epoch(), prompts_->epoch());
    if (!epoch.ok()) return rpc::ToGrpc(epoch);
    if (request->max_groups() <= 0) {
      return {grpc::StatusCode::INVALID_ARGUMENT,
              absl::StrCat("max_groups is ", request->max_groups())};
    }
    Hear(request->worker());
    std::vector<GroupLedger::Ticket> tickets;
    const grpc::Status polled =
        rpc::LongPoll(*context, absl::Milliseconds(request->wait_ms()), [&](absl::Time until) {
          if (run_complete_) return true;
          tickets = ledger_->Lease(request->max_groups(), until);
          return !tickets.empty();
        });
    if (!polled.ok()) return polled;
    if (tickets.empty() && run_complete_) {
      reply->set_run_complete(true);
      Forget(request->worker());
      return grpc::Status::OK;
    }
    if (context->IsCancelled()) {  // Nobody reads the answer: the work goes to the next caller.
      for (const GroupLedger::Ticket& ticket : tickets)
        ledger_->Return(ticket.group, ticket.attempt);
      return grpc::Status::CANCELLED;
    }
    for (const GroupLedger::Ticket& ticket : tickets) {
      const auto lease = prompts_->MakeLease(ticket);
      if (lease.ok()) *reply->add_leases() = wire::ToProto(*lease);
    }
    return grpc::Status::OK;
  }

  grpc::ServerUnaryReactor* SubmitGroups(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* reply) override {
    grpc::Status status;
    if (v1::SubmitGroupsRequest message; Read(*request, &message)) {
      v1::SubmitGroupsReply answer;
      status = Submit(message, &answer);
      bool owns = false;
      if (status.ok()) {
        status = grpc::SerializationTraits<v1::SubmitGroupsReply>::Serialize(answer, reply, &owns);
      }
    } else {
      unreadable_.Add();
      status = {grpc::StatusCode::INVALID_ARGUMENT,
                absl::StrCat("a submission of ",
                             request->Length(),
                             " bytes cannot be read: expected one whole SubmitGroupsRequest")};
      CR_LOG(WARNING) << context->peer() << ": " << status.error_message();
    }
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(status);
    return reactor;
  }

 private:
  static telemetry::Counter Dropped(telemetry::Metrics* metrics, const std::string& reason) {
    return metrics->AddCounter("rl_learner_samples_dropped_total", {{"reason", reason}});
  }

  static bool Read(grpc::ByteBuffer bytes, v1::SubmitGroupsRequest* message) {
    return grpc::SerializationTraits<v1::SubmitGroupsRequest>::Deserialize(&bytes, message).ok();
  }

  grpc::Status Submit(const v1::SubmitGroupsRequest& request, v1::SubmitGroupsReply* reply) {
    const absl::Status epoch = wire::CheckEpoch(request.epoch(), prompts_->epoch());
    if (!epoch.ok()) return rpc::ToGrpc(epoch);
    Hear(request.worker());
    for (const v1::ReturnedLease& returned : request.returned()) {
      const auto group = wire::FromProto(returned.group());
      if (group.ok()) ledger_->Return(*group, returned.attempt());
    }
    for (const v1::RolloutGroup& submitted : request.groups()) {
      std::string reason;
      reply->add_admissions(Admit(submitted, &reason));
      reply->add_reasons(reason);
    }
    depth_.Set(ledger_->counts().waiting);
    return grpc::Status::OK;
  }

  v1::Admission Admit(const v1::RolloutGroup& submitted, std::string* reason) {
    const auto id = wire::FromProto(submitted.group());
    const int siblings = id.ok() ? prompts_->NumSiblings(*id) : 0;
    if (id.ok() && siblings == 0) {
      duplicate_.Add();
      return v1::ADMISSION_DUPLICATE;
    }
    auto group = wire::FromProto(submitted,
                                 {.num_ranks = options_.num_ranks,
                                  .num_siblings = siblings,
                                  .vocab_size = options_.vocab_size});
    absl::Status status = group.status();
    if (status.ok() && group->epoch != prompts_->epoch()) {
      status = absl::InvalidArgumentError(absl::StrCat("epoch is ",
                                                       group->epoch.value,
                                                       ": expected ",
                                                       prompts_->epoch().value,
                                                       ", that of this start"));
    }
    if (status.ok() && options_.check_shape) status = options_.check_shape(*group);
    if (!status.ok()) {
      invalid_.Add();
    } else if (options_.check_group) {
      const auto lease = prompts_->MakeLease({.group = *id, .attempt = group->attempt});
      if (lease.ok()) status = options_.check_group(*lease, *group);
      if (!status.ok()) illegal_.Add();
    }
    if (!status.ok()) {
      *reason = std::string(status.message());
      CR_LOG(WARNING) << "group refused: " << *reason;
      if (id.ok()) ledger_->Return(*id, submitted.attempt());
      return v1::ADMISSION_INVALID;
    }
    switch (ledger_->Admit(*std::move(group))) {
      case GroupLedger::Admission::kAccepted:
        return v1::ADMISSION_ACCEPTED;
      case GroupLedger::Admission::kDuplicate:
        duplicate_.Add();
        return v1::ADMISSION_DUPLICATE;
      case GroupLedger::Admission::kStale:
        stale_.Add();
        return v1::ADMISSION_STALE;
      case GroupLedger::Admission::kFuture:
        future_.Add();
        *reason = absl::StrCat(
            "group ", id->ToString(), " was drawn by a version that has not been published");
        CR_LOG(WARNING) << "group refused: " << *reason;
        return v1::ADMISSION_INVALID;
      case GroupLedger::Admission::kNoSignal:  // The worker has done what it was asked for.
        zero_signal_.Add();
        return v1::ADMISSION_ACCEPTED;
    }
    return v1::ADMISSION_UNSPECIFIED;
  }

  static grpc::Status Refuse(const std::string& message) {
    CR_LOG(ERROR) << message;
    return {grpc::StatusCode::INVALID_ARGUMENT, message};
  }

  void Hear(const std::string& worker) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    last_heard_[worker] = absl::Now();
  }

  void Forget(const std::string& worker) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    last_heard_.erase(worker);
  }

  // A live worker asks for leases every few seconds.
  bool AllAreTold() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const absl::Time recent = absl::Now() - absl::Seconds(10);
    return std::none_of(last_heard_.begin(), last_heard_.end(), [recent](const auto& entry) {
      return entry.second > recent;
    });
  }

  const Options options_;
  GroupLedger* const ledger_;
  const PromptBook* const prompts_;
  const telemetry::Counter duplicate_, stale_, invalid_, illegal_, future_, zero_signal_,
      unreadable_;
  const telemetry::Gauge depth_;
  std::atomic<bool> run_complete_{false};
  mutable absl::Mutex mu_;
  std::map<std::string, absl::Time> last_heard_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<ExperienceService> ExperienceService::Create(const Options& options,
                                                             GroupLedger* ledger,
                                                             const PromptBook* prompts,
                                                             telemetry::Metrics* metrics) {
  return std::make_unique<Service>(options, ledger, prompts, metrics);
}

}  // namespace convrec::learner
