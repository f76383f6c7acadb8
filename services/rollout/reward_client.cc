#include "services/rollout/reward_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/call.h"
#include "libs/rpc/channel.h"
#include "libs/wire/common.h"
#include "libs/wire/list_score.h"
#include "proto/reward.grpc.pb.h"
#include "services/rollout/patient_call.h"

namespace convrec::rollout {
namespace {

class GrpcRewardClient final : public RewardClient {
 public:
  explicit GrpcRewardClient(const std::string& address)
      : address_(address), stub_(v1::RewardService::NewStub(rpc::MakeChannel(address))) {}

  absl::StatusOr<RewardDescription> Describe() override {
    v1::DescribeReply reply;
    const PatientPeer service(absl::StrCat("reward service at ", address_), absl::Seconds(10));
    CR_RETURN_IF_ERROR(service.Call(absl::ZeroDuration(), [&](grpc::ClientContext* context) {
      return stub_->Describe(context, v1::DescribeRequest(), &reply);
    }));
    num_ranks_ = reply.num_ranks();
    {
      absl::MutexLock lock(&mu_);
      catalog_digest_ = reply.catalog_digest();
      rules_digest_ = reply.rules_digest();
    }
    return RewardDescription{.catalog_digest = reply.catalog_digest(),
                             .catalog_size = reply.catalog_size(),
                             .rules = reply.rules(),
                             .rules_digest = reply.rules_digest(),
                             .num_ranks = reply.num_ranks()};
  }

  absl::StatusOr<std::vector<domain::ListScore>> Score(const std::vector<std::string>& texts,
                                                       const domain::Prompt& prompt,
                                                       absl::Duration timeout) override {
    v1::ScoreGroupRequest request;
    for (const std::string& text : texts) request.add_completions(text);
    for (const domain::Item& item : prompt.ground_truth)
      *request.add_ground_truth() = wire::ToProto(item);
    for (const std::string& title : prompt.seen_titles) request.add_seen_titles(title);
    {
      absl::MutexLock lock(&mu_);
      request.set_catalog_digest(catalog_digest_);
      request.set_rules_digest(rules_digest_);
    }
    v1::ScoreGroupReply reply;
    const absl::Status status = rpc::CallWithRetry(
        {.total_timeout = timeout},
        [&](grpc::ClientContext* context) { return stub_->ScoreGroup(context, request, &reply); });
    if (absl::IsFailedPrecondition(status) || absl::IsUnimplemented(status) ||
        absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) {
      return base::BadConfig(absl::StrCat("reward service at ",
                                          address_,
                                          ": ",
                                          std::string(status.message()),
                                          "; all reward services of a run need its catalog and "
                                          "its rules, and keep them"));
    }
    CR_RETURN_IF_ERROR(base::Annotate(status, absl::StrCat("reward service at ", address_)));
    if (reply.scores_size() != static_cast<int>(texts.size())) {
      return absl::InternalError(absl::StrCat("reward service at ",
                                              address_,
                                              " returned ",
                                              reply.scores_size(),
                                              " scores for ",
                                              texts.size(),
                                              " lists"));
    }
    std::vector<domain::ListScore> scores;
    for (const v1::ListScore& score : reply.scores()) {
      CR_ASSIGN_OR_RETURN(scores.emplace_back(), wire::FromProto(score, num_ranks_));
    }
    return scores;
  }

 private:
  const std::string address_;
  const std::unique_ptr<v1::RewardService::Stub> stub_;
  absl::Mutex mu_;
  // From Describe(), which comes first; a service with others refuses.
  std::string catalog_digest_ ABSL_GUARDED_BY(mu_);
  std::string rules_digest_ ABSL_GUARDED_BY(mu_);
  std::atomic<int> num_ranks_{0};
};

}  // namespace

std::unique_ptr<RewardClient> MakeRewardClient(const std::string& address) {
  return std::make_unique<GrpcRewardClient>(address);
}

}  // namespace convrec::rollout
