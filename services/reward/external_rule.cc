#include "services/reward/external_rule.h"

#include <grpcpp/grpcpp.h>

#include <cmath>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/deadline.h"
#include "libs/rpc/status_convert.h"
#include "libs/wire/common.h"
#include "libs/wire/list_score.h"
#include "proto/reward_rule.grpc.pb.h"

namespace convrec::reward {
namespace {

constexpr absl::Duration kTimeBetweenLogs = absl::Seconds(10);

// Whether the answer has a finite value for each rank of each list.
absl::Status Check(const v1::EvaluateListsReply& reply, const ExternalRule::Scores& scores) {
  if (reply.lists_size() != static_cast<int>(scores.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("lists is ", reply.lists_size(), " long: expected ", scores.size()));
  }
  for (int i = 0; i < reply.lists_size(); ++i) {
    const auto& values = reply.lists(i).values();
    const size_t num_ranks = scores[static_cast<size_t>(i)].rank_rewards.size();
    if (values.size() != static_cast<int>(num_ranks)) {
      return absl::InvalidArgumentError(
          absl::StrCat("lists[", i, "].values is ", values.size(), " long: expected ", num_ranks));
    }
    for (const float value : values) {
      if (!std::isfinite(value)) {
        return absl::InvalidArgumentError(
            absl::StrCat("lists[", i, "].values has ", value, ": expected finite numbers"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

class ExternalRule::Impl final {
 public:
  Impl(const Options& options, RewardObserver* observer)
      : options_(options),
        observer_(observer),
        stub_(v1::RewardRuleService::NewStub(rpc::MakeChannel(options.address))) {}

  ~Impl() {
    absl::MutexLock lock(&mu_);
    const auto none_left = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return num_calls_ == 0; };
    mu_.Await(absl::Condition(&none_left));
  }

  void Apply(const Lists& lists, Scores scores, std::function<void(Scores)> done) {
    auto call = std::make_unique<Call>();
    Fill(lists, scores, &call->request);
    call->scores = std::move(scores);
    call->done = std::move(done);
    call->context.set_deadline(rpc::DeadlineAfter(options_.timeout));
    {
      absl::MutexLock lock(&mu_);
      ++num_calls_;
    }
    Call* const raw = call.release();  // Its callback owns it.
    stub_->async()->EvaluateLists(
        &raw->context, &raw->request, &raw->reply, [this, raw](const grpc::Status& status) {
          Finish(std::unique_ptr<Call>(raw), rpc::FromGrpc(status));
        });
  }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::EvaluateListsRequest request;
    v1::EvaluateListsReply reply;
    Scores scores;
    std::function<void(Scores)> done;
  };

  static void Fill(const Lists& lists, const Scores& scores, v1::EvaluateListsRequest* request) {
    for (size_t i = 0; i < scores.size(); ++i) {
      v1::EvaluatedList* list = request->add_lists();
      list->set_completion(std::string(lists.texts[i]));
      for (const domain::ScoredLine& line : scores[i].lines) wire::Write(line, list->add_lines());
      request->set_num_ranks(static_cast<int>(scores[i].rank_rewards.size()));
    }
    for (const domain::Item& item : lists.ground_truth) {
      *request->add_ground_truth() = wire::ToProto(item);
    }
    for (const std::string& title : lists.seen_titles) request->add_seen_titles(title);
  }

  void Finish(std::unique_ptr<Call> call, absl::Status status) {
    if (status.ok()) status = Check(call->reply, call->scores);
    observer_->OnExternalRule(status.ok());
    if (!status.ok()) LogNowAndThen(status);
    for (size_t i = 0; i < call->scores.size(); ++i) {
      std::vector<float>& rewards = call->scores[i].rank_rewards;
      for (size_t k = 0; k < rewards.size(); ++k) {
        const double value =
            status.ok() ? static_cast<double>(
                              call->reply.lists(static_cast<int>(i)).values(static_cast<int>(k)))
                        : options_.default_value;
        rewards[k] = static_cast<float>(rewards[k] + options_.weight * value);
      }
    }
    call->done(std::move(call->scores));
    call.reset();
    absl::MutexLock lock(&mu_);
    --num_calls_;
  }

  void LogNowAndThen(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      absl::MutexLock lock(&mu_);
      if (base::MonotonicNow() < next_log_) return;
      next_log_ = base::MonotonicNow() + kTimeBetweenLogs;
    }
    CR_LOG(WARNING) << "reward rule at " << options_.address << ": " << status
                    << "; its default value is taken";
  }

  const Options options_;
  RewardObserver* const observer_;
  const std::unique_ptr<v1::RewardRuleService::Stub> stub_;
  absl::Mutex mu_;
  int num_calls_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time next_log_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
};

ExternalRule::ExternalRule(const Options& options, RewardObserver* observer)
    : impl_(std::make_unique<Impl>(options, observer)) {}

ExternalRule::~ExternalRule() = default;

void ExternalRule::Apply(const Lists& lists, Scores scores, std::function<void(Scores)> done) {
  impl_->Apply(lists, std::move(scores), std::move(done));
}

}  // namespace convrec::reward
