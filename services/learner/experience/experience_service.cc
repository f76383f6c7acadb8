#include "services/learner/experience/experience_service.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/clock.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/status_convert.h"
#include "libs/rpc/waiting_calls.h"
#include "libs/wire/common.h"
#include "libs/wire/lease.h"
#include "libs/wire/rollout.h"
#include "libs/wire/run_header.h"
#include "proto/experience.grpc.pb.h"
#include "services/learner/experience/worker_roster.h"

namespace convrec::learner {
namespace {

// Submissions come as the bytes that were sent, so that those that cannot be read are told of and
// counted here.
using Handlers = v1::ExperienceService::WithRawCallbackMethod_SubmitGroups<
    v1::ExperienceService::WithCallbackMethod_LeasePrompts<
        v1::ExperienceService::WithCallbackMethod_Join<v1::ExperienceService::Service>>>;

// A live worker asks for leases more often than that.
constexpr absl::Duration kCallInterval = absl::Seconds(10);

class Service final : public ExperienceService, public Handlers {
 public:
  Service(const Options& options,
          GroupLedger* ledger,
          const PromptBook* prompts,
          telemetry::Metrics* metrics)
      : options_(options),
        ledger_(ledger),
        prompts_(prompts),
        identity_{.epoch = prompts->epoch(), .digests = options.digests},
        header_(wire::ToProto(identity_)),
        duplicate_(Dropped(metrics, "duplicate")),
        stale_(Dropped(metrics, "stale")),
        invalid_(Dropped(metrics, "invalid")),
        illegal_(Dropped(metrics, "illegal")),
        future_(Dropped(metrics, "future")),
        zero_signal_(Dropped(metrics, "zero_signal")),
        unreadable_(Dropped(metrics, "unreadable")),
        set_aside_(Dropped(metrics, "set_aside")),
        depth_(metrics->AddGauge("rl_buffer_depth")) {
    ledger_->SetListener([this] { polls_.Wake(); });
  }
  ~Service() override { ledger_->SetListener({}); }

  grpc::Service* service() override { return this; }
  void CompleteRun(absl::Duration grace) override {
    run_complete_ = true;
    polls_.Wake();
    roster_.AwaitForgotten(kCallInterval, grace);
  }
  void EndWaits() override { polls_.Close(); }
  int num_workers() const override { return roster_.NumHeardWithin(absl::Minutes(1)); }

  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* context,
                                 const v1::JoinRequest* request,
                                 v1::JoinReply* reply) override {
    const std::string& worker = request->call().worker();
    if (const absl::Status status = CheckJoin(*request); !status.ok()) {
      CR_LOG(ERROR) << status.message();
      return rpc::AnswerNow(context, status);
    }
    roster_.Join(worker, request->call().instance(), request->is_float32());
    const int returned = ledger_->ReturnAllOf(worker);
    CR_LOG(INFO) << worker << " joined"
                 << (returned > 0
                         ? absl::StrCat("; ", returned, " leases it had are handed out again")
                         : "");
    reply->set_run(options_.run);
    *reply->mutable_header() = header_;
    reply->set_num_ranks(options_.num_ranks);
    reply->set_segmentation(options_.counts_ranks_by_line ? "by_line" : "reference");
    reply->set_constrained(options_.constrained);
    reply->set_numbered_lists(options_.numbered_lists);
    return rpc::AnswerNow(context, absl::OkStatus());
  }

  grpc::ServerUnaryReactor* LeasePrompts(grpc::CallbackServerContext* context,
                                         const v1::LeasePromptsRequest* request,
                                         v1::LeasePromptsReply* reply) override {
    absl::Status call = CheckCall(request->call());
    if (call.ok() && request->max_groups() <= 0)
      call = absl::InvalidArgumentError(absl::StrCat("max_groups is ", request->max_groups()));
    if (!call.ok()) return rpc::AnswerNow(context, call);
    *reply->mutable_header() = header_;
    return polls_.Answer(
        {.wait = absl::Milliseconds(request->wait_ms()),
         .attempt = [this, context, request, reply] { return Lease(*context, *request, reply); }});
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
    if (const absl::Status call = CheckCall(request.call()); !call.ok()) return rpc::ToGrpc(call);
    *reply->mutable_header() = header_;
    for (const v1::ReturnedLease& returned : request.returned()) {
      const auto group = wire::FromProto(returned.group());
      if (group.ok()) ledger_->Return(*group, returned.attempt());
    }
    for (const v1::RefusedGroup& refused : request.refused()) {
      const auto group = wire::FromProto(refused.group());
      if (group.ok()) Refuse(*group, refused.attempt(), refused.reason());
    }
    for (const v1::RolloutGroup& submitted : request.groups()) {
      std::string reason;
      reply->add_admissions(Admit(submitted, request.call().worker(), &reason));
      reply->add_reasons(reason);
    }
    depth_.Set(ledger_->counts().waiting);
    return grpc::Status::OK;
  }

  rpc::WaitingCalls::Attempt Lease(const grpc::CallbackServerContext& context,
                                   const v1::LeasePromptsRequest& request,
                                   v1::LeasePromptsReply* reply) {
    const std::string& worker = request.call().worker();
    if (run_complete_) {
      reply->set_run_complete(true);
      roster_.Forget(worker);
      return {.answer = absl::OkStatus()};
    }
    const std::vector<GroupLedger::Ticket> tickets = ledger_->Lease(worker, request.max_groups());
    if (tickets.empty()) return {.again = ledger_->NextExpiry()};
    if (context.IsCancelled()) {  // Nobody reads the answer: the work goes to the next caller.
      for (const GroupLedger::Ticket& ticket : tickets)
        ledger_->Return(ticket.group, ticket.attempt);
      return {.answer = absl::CancelledError("the caller has gone")};
    }
    for (const GroupLedger::Ticket& ticket : tickets) {
      const auto lease = prompts_->MakeLease(ticket);
      if (lease.ok()) *reply->add_leases() = wire::ToProto(*lease);
    }
    return {.answer = absl::OkStatus()};
  }

  v1::Admission Admit(const v1::RolloutGroup& submitted,
                      const std::string& worker,
                      std::string* reason) {
    const auto id = wire::FromProto(submitted.group());
    const int siblings = id.ok() ? prompts_->NumSiblings(*id) : 0;
    if (id.ok() && siblings == 0) {
      duplicate_.Add();
      return v1::ADMISSION_DUPLICATE;
    }
    auto group = wire::FromProto(submitted,
                                 {.num_ranks = options_.num_ranks,
                                  .num_siblings = siblings,
                                  .vocab_size = options_.vocab_size,
                                  .epoch = identity_.epoch});
    absl::Status status = group.status();
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
      if (id.ok()) Refuse(*id, submitted.attempt(), *reason);
      return v1::ADMISSION_INVALID;
    }
    group->worker = worker;
    group->in_float32 = roster_.IsFloat32(worker);
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
        *reason = "it was drawn by a version that has not been published";
        Refuse(*id, submitted.attempt(), *reason);
        return v1::ADMISSION_INVALID;
      case GroupLedger::Admission::kNoSignal:  // The worker has done what it was asked for.
        zero_signal_.Add();
        return v1::ADMISSION_ACCEPTED;
    }
    return v1::ADMISSION_UNSPECIFIED;
  }

  void Refuse(domain::GroupId group, int attempt, const std::string& reason) {
    CR_LOG(WARNING) << "group " << group.ToString() << " refused: " << reason;
    const auto set_aside = ledger_->Refuse(group, attempt, reason);
    if (!set_aside) return;
    set_aside_.Add();
    if (options_.set_aside) options_.set_aside(*set_aside);
  }

  absl::Status CheckCall(const v1::CallHeader& call) {
    CR_RETURN_IF_ERROR(wire::CheckCall(call, identity_));
    return roster_.Hear(call.worker(), call.instance());
  }

  absl::Status CheckJoin(const v1::JoinRequest& request) const {
    const std::string& worker = request.call().worker();
    if (worker.empty()) return absl::InvalidArgumentError("call.worker is empty: expected a name");
    const v1::RunHeader& sent = request.call().run();
    if (!options_.digests.rules.empty() && sent.rules_digest() != options_.digests.rules) {
      return absl::InvalidArgumentError(absl::StrCat("worker ",
                                                     worker,
                                                     " scores by \"",
                                                     request.reward_rules(),
                                                     "\", this run by \"",
                                                     options_.reward_rules,
                                                     "\""));
    }
    return wire::CheckDigests(worker, wire::DigestsOf(sent), options_.digests);
  }

  const Options options_;
  GroupLedger* const ledger_;
  const PromptBook* const prompts_;
  const domain::RunIdentity identity_;
  const v1::RunHeader header_;  // Of every answer.
  const telemetry::Counter duplicate_, stale_, invalid_, illegal_, future_, zero_signal_,
      unreadable_, set_aside_;
  const telemetry::Gauge depth_;
  std::atomic<bool> run_complete_{false};
  WorkerRoster roster_{base::Clock::Real()};
  rpc::WaitingCalls polls_;
};

}  // namespace

std::unique_ptr<ExperienceService> ExperienceService::Create(const Options& options,
                                                             GroupLedger* ledger,
                                                             const PromptBook* prompts,
                                                             telemetry::Metrics* metrics) {
  return std::make_unique<Service>(options, ledger, prompts, metrics);
}

}  // namespace convrec::learner
