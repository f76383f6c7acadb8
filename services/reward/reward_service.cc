#include "services/reward/reward_service.h"

#include <grpcpp/grpcpp.h>

#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/bounded_queue.h"
#include "libs/base/check.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "libs/wire/list_score.h"
#include "proto/reward.grpc.pb.h"
#include "services/reward/arena_messages.h"
#include "services/reward/service_parts.h"

namespace convrec::reward {
namespace {

// A scoring thread keeps the memory of so many scores from call to call.
constexpr size_t kMaxKeptScores = 256;

// An admitted call. The messages, the context and the reactor belong to gRPC until Finish().
struct Call {
  grpc::CallbackServerContext* context;
  const v1::ScoreGroupRequest* request;
  v1::ScoreGroupReply* reply;
  grpc::ServerUnaryReactor* reactor;
  absl::Time start;
  std::shared_ptr<const scoring::ListScorer> scorer;
  scoring::Prompt prompt = {};
  std::optional<lists::ListTarget> target = {};  // Of prompt.
  std::optional<Admission::Ticket> ticket = {};
};

int64_t HeldBytesOf(const v1::ScoreGroupRequest& request) {
  int64_t held_bytes = 0;
  for (const std::string& completion : request.completions()) held_bytes += HeldBytes(completion);
  for (const v1::Item& item : request.ground_truth()) {
    held_bytes += static_cast<int64_t>(sizeof(v1::Item) + item.title().size());
  }
  for (const std::string& title : request.seen_titles()) {
    held_bytes += static_cast<int64_t>(sizeof(std::string) + title.size());
  }
  return held_bytes;
}

}  // namespace

class RewardService::Impl final : public v1::RewardService::CallbackService {
 public:
  Impl(const LiveScorer* scorer,
       ExternalRule* external,
       const Options& options,
       RewardObserver* observer)
      : admission_(options.admission, observer),
        parts_{.scorer = scorer,
               .admission = &admission_,
               .observer = observer,
               .external = external,
               .limits = options.limits},
        calls_(static_cast<size_t>(options.admission.max_calls)) {
    CR_CHECK(options.num_threads > 0);
    SetMessageAllocatorFor_ScoreGroup(&messages_);
    for (int i = 0; i < options.num_threads; ++i) threads_.emplace_back([this] { ScoreCalls(); });
  }

  ~Impl() override {
    calls_.Close();
    for (std::thread& thread : threads_) thread.join();
  }

  grpc::ServerUnaryReactor* Describe(grpc::CallbackServerContext* context,
                                     const v1::DescribeRequest* /*request*/,
                                     v1::DescribeReply* reply) override {
    const std::shared_ptr<const scoring::ListScorer> scorer = parts_.scorer->Get();
    reply->set_catalog_digest(scorer->catalog().digest());
    reply->set_catalog_size(static_cast<int64_t>(scorer->catalog().size()));
    reply->set_rules(scorer->Describe());
    reply->set_rules_digest(scorer->rules_digest());
    reply->set_num_ranks(scorer->options().num_ranks);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerUnaryReactor* ScoreGroup(grpc::CallbackServerContext* context,
                                       const v1::ScoreGroupRequest* request,
                                       v1::ScoreGroupReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    Call call{context, request, reply, reactor, base::MonotonicNow(), parts_.scorer->Get()};
    if (const absl::Status status = Admit(&call); !status.ok()) {
      call.ticket.reset();
      Answer(call, status);
      return reactor;
    }
    // Has room: no more calls wait than are admitted. Open: it closes after the server has stopped.
    CR_CHECK(calls_.Push(std::move(call)), "a call arrived after the server had stopped");
    return reactor;
  }

 private:
  // Gives the call its ticket and its prompt.
  absl::Status Admit(Call* call) {
    CR_ASSIGN_OR_RETURN(Admission::Ticket ticket,
                        admission_.Admit(call->context->peer(), HeldBytesOf(*call->request)));
    call->ticket.emplace(std::move(ticket));
    const auto& completions = call->request->completions();
    if (completions.empty() || completions.size() > parts_.limits.max_lists) {
      return absl::InvalidArgumentError(completions.empty()
                                            ? "completions is empty: expected at least one list"
                                            : absl::StrCat("completions has ",
                                                           completions.size(),
                                                           " lists: expected at most ",
                                                           parts_.limits.max_lists));
    }
    for (int i = 0; i < completions.size(); ++i) {
      const std::string& text = completions[i];
      CR_RETURN_IF_ERROR(CheckList(
          parts_.limits, static_cast<int64_t>(text.size()), NumLineBreaks(text), "completions", i));
    }
    CR_ASSIGN_OR_RETURN(call->prompt, ReadPrompt(*call->request, *call->scorer));
    call->target.emplace(call->scorer->Prepare(call->prompt));
    return absl::OkStatus();
  }

  // What a scoring thread keeps from call to call.
  struct Workplace {
    std::shared_ptr<const scoring::ListScorer> scorer;  // Of the session.
    std::optional<scoring::ScoreSession> session;
    std::vector<domain::ListScore> scores;
  };

  void ScoreCalls() {
    Workplace place;
    while (std::optional<Call> call = calls_.Pop()) {
      Score(std::make_shared<Call>(*std::move(call)), &place);
    }
  }

  void Score(const std::shared_ptr<Call>& call, Workplace* place) {
    if (const absl::Status waiting = CheckWaiting(*call->context); !waiting.ok()) {
      call->ticket.reset();
      Answer(*call, waiting);
      return;
    }
    if (place->scorer != call->scorer) {
      place->session.reset();
      place->scorer = call->scorer;
      place->session.emplace(place->scorer.get());
    }
    const auto& completions = call->request->completions();
    const auto num_lists = static_cast<size_t>(completions.size());
    if (place->scores.size() < num_lists) place->scores.resize(num_lists);
    for (size_t i = 0; i < num_lists; ++i) {
      place->session->Score(completions[static_cast<int>(i)], *call->target, &place->scores[i]);
    }
    if (parts_.external == nullptr) {
      Reply(*call, std::span(place->scores).first(num_lists));
    } else {
      place->scores.resize(num_lists);
      AskExternalRule(call, std::exchange(place->scores, {}));
    }
    if (place->scores.size() > kMaxKeptScores) place->scores = {};
  }

  void AskExternalRule(const std::shared_ptr<Call>& call, std::vector<domain::ListScore> scores) {
    const std::vector<std::string_view> texts(call->request->completions().begin(),
                                              call->request->completions().end());
    parts_.external->Apply(
        {texts, call->prompt.ground_truth, call->prompt.seen_titles},
        std::move(scores),
        [this, call](std::vector<domain::ListScore> whole) { Reply(*call, whole); });
  }

  void Reply(Call& call, std::span<const domain::ListScore> scores) {
    parts_.observer->OnScores(scores);
    call.reply->mutable_scores()->Reserve(static_cast<int>(scores.size()));
    for (const domain::ListScore& score : scores) wire::Write(score, call.reply->add_scores());
    call.reply->set_catalog_digest(call.scorer->catalog().digest());
    call.reply->set_rules_digest(call.scorer->rules_digest());
    call.ticket.reset();  // Before the answer, so that a caller that has it finds room.
    Answer(call, absl::OkStatus());
  }

  void Answer(const Call& call, const absl::Status& status) {
    parts_.observer->OnAnswer(absl::StatusCodeToString(status.code()),
                              base::MonotonicNow() - call.start);
    call.reactor->Finish(ToAnswer(status, call.context));
  }

  Admission admission_;
  const ServiceParts parts_;
  ArenaMessages<v1::ScoreGroupRequest, v1::ScoreGroupReply> messages_;
  base::BoundedQueue<Call> calls_;
  std::vector<std::thread> threads_;
};

RewardService::RewardService(const LiveScorer* scorer,
                             ExternalRule* external,
                             const Options& options,
                             RewardObserver* observer)
    : impl_(std::make_unique<Impl>(scorer, external, options, observer)) {}

RewardService::~RewardService() = default;

grpc::Service* RewardService::service() { return impl_.get(); }

}  // namespace convrec::reward
