#include "services/reward/reward_service.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/bounded_queue.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/wire/common.h"
#include "libs/wire/list_score.h"
#include "proto/reward.grpc.pb.h"

namespace convrec::reward {
namespace {

// An admitted call. The messages, the context and the reactor belong to gRPC until Finish().
struct Call {
  grpc::CallbackServerContext* context;
  const v1::ScoreGroupRequest* request;
  v1::ScoreGroupReply* reply;
  grpc::ServerUnaryReactor* reactor;
  std::vector<domain::Item> ground_truth;
  absl::Time start;
};

absl::StatusOr<std::vector<domain::Item>> Validated(const v1::ScoreGroupRequest& request,
                                                    const std::string& catalog_digest) {
  if (!request.catalog_digest().empty() && request.catalog_digest() != catalog_digest) {
    return absl::FailedPreconditionError(absl::StrCat("catalog_digest is ",
                                                      request.catalog_digest(),
                                                      ": this service scores with catalog ",
                                                      catalog_digest));
  }
  if (request.completions().empty()) {
    return absl::InvalidArgumentError("completions is empty: expected at least one list");
  }
  if (request.ground_truth().empty()) {
    return absl::InvalidArgumentError("ground_truth is empty: expected at least one item");
  }
  std::vector<domain::Item> ground_truth;
  for (int i = 0; i < request.ground_truth_size(); ++i) {
    absl::StatusOr<domain::Item> item = wire::FromProto(request.ground_truth(i));
    if (!item.ok()) return base::Annotate(item.status(), absl::StrCat("ground_truth[", i, "]"));
    ground_truth.push_back(*std::move(item));
  }
  return ground_truth;
}

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()),
                      std::string(status.message()));
}

}  // namespace

class RewardService::Impl final : public v1::RewardService::CallbackService {
 public:
  Impl(const ListScorer* scorer, const Options& options, RewardObserver* observer)
      : scorer_(scorer),
        options_(options),
        observer_(observer),
        calls_(static_cast<size_t>(options.max_in_flight)) {
    CR_CHECK(options.max_in_flight > 0 && options.num_threads > 0);
    for (int i = 0; i < options.num_threads; ++i) threads_.emplace_back([this] { ScoreCalls(); });
  }

  ~Impl() override {
    calls_.Close();
    for (std::thread& thread : threads_) thread.join();
  }

  grpc::ServerUnaryReactor* Describe(grpc::CallbackServerContext* context,
                                     const v1::DescribeRequest* /*request*/,
                                     v1::DescribeReply* reply) override {
    reply->set_catalog_digest(scorer_->catalog().digest());
    reply->set_catalog_size(static_cast<int64_t>(scorer_->catalog().size()));
    reply->set_rules(scorer_->Describe());
    reply->set_num_ranks(scorer_->num_ranks());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerUnaryReactor* ScoreGroup(grpc::CallbackServerContext* context,
                                       const v1::ScoreGroupRequest* request,
                                       v1::ScoreGroupReply* reply) override {
    Call call{context, request, reply, context->DefaultReactor(), {}, absl::Now()};
    grpc::ServerUnaryReactor* const reactor = call.reactor;
    if (!TryAdmit()) {
      Refuse(call,
             absl::ResourceExhaustedError(
                 absl::StrCat(options_.max_in_flight, " calls are in flight: retry later")));
      return reactor;
    }
    absl::StatusOr<std::vector<domain::Item>> ground_truth =
        Validated(*request, scorer_->catalog().digest());
    if (!ground_truth.ok()) {
      Leave();
      Refuse(call, ground_truth.status());
      return reactor;
    }
    call.ground_truth = *std::move(ground_truth);
    // Has room: no more calls wait than are admitted. Open: it closes after the server has stopped.
    CR_CHECK(calls_.Push(std::move(call)), "a call arrived after the server had stopped");
    return reactor;
  }

 private:
  bool TryAdmit() {
    const int num_before = in_flight_.fetch_add(1);
    if (num_before >= options_.max_in_flight) {
      in_flight_.fetch_sub(1);
      return false;
    }
    observer_->OnInFlight(num_before + 1);
    return true;
  }

  void Leave() { observer_->OnInFlight(in_flight_.fetch_sub(1) - 1); }

  void Refuse(const Call& call, const absl::Status& status) {
    observer_->OnAnswer(absl::StatusCodeToString(status.code()), absl::Now() - call.start);
    call.reactor->Finish(ToGrpc(status));
  }

  void ScoreCalls() {
    while (std::optional<Call> call = calls_.Pop()) {
      if (call->context->IsCancelled()) {
        Leave();
        Refuse(*call, absl::CancelledError("the caller has given up"));
        continue;
      }
      Score(*call);
      Leave();  // Before the answer, so that a caller that has it finds room.
      observer_->OnAnswer("OK", absl::Now() - call->start);
      call->reactor->Finish(grpc::Status::OK);
    }
  }

  void Score(const Call& call) {
    const std::vector<std::string> seen_titles(call.request->seen_titles().begin(),
                                               call.request->seen_titles().end());
    std::vector<domain::ListScore> scores;
    for (const std::string& completion : call.request->completions()) {
      scores.push_back(scorer_->Score(completion, call.ground_truth, seen_titles));
      *call.reply->add_scores() = wire::ToProto(scores.back());
    }
    call.reply->set_catalog_digest(scorer_->catalog().digest());
    observer_->OnScores(scores);
  }

  const ListScorer* const scorer_;
  const Options options_;
  RewardObserver* const observer_;
  std::atomic<int> in_flight_{0};
  base::BoundedQueue<Call> calls_;
  std::vector<std::thread> threads_;
};

RewardService::RewardService(const ListScorer* scorer,
                             const Options& options,
                             RewardObserver* observer)
    : impl_(std::make_unique<Impl>(scorer, options, observer)) {}

RewardService::~RewardService() = default;

grpc::Service* RewardService::service() { return impl_.get(); }

}  // namespace convrec::reward
