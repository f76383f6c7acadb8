#include "services/rollout/learner_client.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/deadline.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status_convert.h"
#include "libs/wire/common.h"
#include "libs/wire/lease.h"
#include "libs/wire/rollout.h"
#include "libs/wire/run_header.h"
#include "proto/experience.grpc.pb.h"
#include "services/rollout/patient_call.h"

namespace convrec::rollout {
namespace {

class GrpcLearnerClient final : public LearnerClient {
 public:
  GrpcLearnerClient(const std::string& address, CallHeaders* headers)
      : learner_(absl::StrCat("learner at ", address), kLearnerAttempt),
        headers_(headers),
        channel_(rpc::MakeChannel(address)),
        experience_(v1::ExperienceService::NewStub(channel_)) {}

  absl::StatusOr<RunDescription> Join(const WorkerIdentity& identity) override {
    headers_->SetDigests(identity.digests);
    v1::JoinRequest request;
    *request.mutable_call() = headers_->For({});
    request.set_reward_rules(identity.reward_rules);
    request.set_is_float32(identity.is_float32);
    v1::JoinReply reply;
    CR_RETURN_IF_ERROR(learner_.Call(absl::ZeroDuration(), [&](grpc::ClientContext* context) {
      return experience_->Join(context, request, &reply);
    }));
    if (reply.segmentation() != "by_line" && reply.segmentation() != "reference") {
      return absl::InternalError(
          absl::StrCat("the learner counts ranks by \"", reply.segmentation(), "\""));
    }
    CR_ASSIGN_OR_RETURN(const domain::RunIdentity run, wire::FromProto(reply.header()));
    return RunDescription{.run = reply.run(),
                          .epoch = run.epoch,
                          .num_ranks = reply.num_ranks(),
                          .counts_ranks_by_line = reply.segmentation() == "by_line",
                          .constrained = reply.constrained(),
                          .numbered_lists = reply.numbered_lists()};
  }

  absl::StatusOr<LeasedWork> Lease(domain::RunEpoch epoch,
                                   int max_groups,
                                   absl::Duration wait) override {
    v1::LeasePromptsRequest request;
    *request.mutable_call() = headers_->For(epoch);
    request.set_max_groups(max_groups);
    request.set_wait_ms(absl::ToInt64Milliseconds(wait));
    v1::LeasePromptsReply reply;
    CR_RETURN_IF_ERROR(learner_.Call(wait, [&](grpc::ClientContext* context) {
      return experience_->LeasePrompts(context, request, &reply);
    }));
    CR_RETURN_IF_ERROR(wire::CheckAnswer(reply.header(), epoch));
    LeasedWork work{.leases = {}, .run_complete = reply.run_complete()};
    for (const v1::Lease& lease : reply.leases()) {
      CR_ASSIGN_OR_RETURN(work.leases.emplace_back(), wire::FromProto(lease, epoch));
    }
    return work;
  }

  absl::StatusOr<Admission> Submit(const domain::RolloutGroup& group) override {
    v1::SubmitGroupsRequest request;
    *request.mutable_call() = headers_->For(group.epoch);
    *request.add_groups() = wire::ToProto(group);
    if (const size_t size = request.ByteSizeLong(); size > rpc::kMaxMessageBytes) {
      return absl::OutOfRangeError(absl::StrCat(
          "its message has ", size, " bytes, the learner takes ", rpc::kMaxMessageBytes));
    }
    v1::SubmitGroupsReply reply;
    CR_RETURN_IF_ERROR(learner_.Call(absl::ZeroDuration(), [&](grpc::ClientContext* context) {
      return experience_->SubmitGroups(context, request, &reply);
    }));
    CR_RETURN_IF_ERROR(wire::CheckAnswer(reply.header(), group.epoch));
    if (reply.admissions_size() != 1)
      return absl::InternalError("the learner did not answer for the group");
    switch (reply.admissions(0)) {
      case v1::ADMISSION_ACCEPTED:
        return Admission::kAccepted;
      case v1::ADMISSION_DUPLICATE:
        return Admission::kDuplicate;
      case v1::ADMISSION_STALE:
        return Admission::kStale;
      case v1::ADMISSION_INVALID:
        return Admission::kInvalid;
      default:
        return absl::InternalError(absl::StrCat("the learner answers for a group with admission ",
                                                int{reply.admissions(0)}));
    }
  }

  absl::Status Return(const std::vector<domain::Lease>& leases) override {
    v1::SubmitGroupsRequest request;
    for (const domain::Lease& lease : leases) {
      *request.mutable_call() = headers_->For(lease.epoch);
      v1::ReturnedLease& returned = *request.add_returned();
      *returned.mutable_group() = wire::ToProto(lease.group);
      returned.set_attempt(lease.attempt);
    }
    v1::SubmitGroupsReply reply;
    grpc::ClientContext context;
    context.set_deadline(rpc::DeadlineAfter(absl::Seconds(2)));
    return rpc::FromGrpc(experience_->SubmitGroups(&context, request, &reply));
  }

  absl::Status Refuse(const domain::Lease& lease, const std::string& reason) override {
    v1::SubmitGroupsRequest request;
    *request.mutable_call() = headers_->For(lease.epoch);
    v1::RefusedGroup& refused = *request.add_refused();
    *refused.mutable_group() = wire::ToProto(lease.group);
    refused.set_attempt(lease.attempt);
    refused.set_reason(reason);
    v1::SubmitGroupsReply reply;
    return learner_.Call(absl::ZeroDuration(), [&](grpc::ClientContext* context) {
      return experience_->SubmitGroups(context, request, &reply);
    });
  }

  void Close() override { learner_.Close(); }

 private:
  PatientPeer learner_;
  CallHeaders* const headers_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::ExperienceService::Stub> experience_;
};

}  // namespace

std::unique_ptr<LearnerClient> MakeLearnerClient(const std::string& address, CallHeaders* headers) {
  return std::make_unique<GrpcLearnerClient>(address, headers);
}

}  // namespace convrec::rollout
