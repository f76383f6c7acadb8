// RewardService.ScoreStream.
//
// At any time exactly one thing is under way: a read, a write or the external rule. So no lock is
// needed, and a client that does not read its answers is not read from either: what it sends waits
// in its own buffers, not in ours.
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/scoring/list_stream.h"
#include "libs/wire/list_score.h"
#include "services/reward/service_parts.h"

namespace convrec::reward {
namespace {

class ScoreStream final
    : public grpc::ServerBidiReactor<v1::ScoreStreamRequest, v1::ScoreStreamReply> {
 public:
  ScoreStream(const ServiceParts& parts, grpc::CallbackServerContext* context)
      : parts_(parts),
        context_(context),
        scorer_(parts.scorer->Get()),
        idle_([context] { context->TryCancel(); }) {
    parts_.idle_watch->Enter(&idle_);
    absl::StatusOr<Admission::Ticket> ticket =
        parts_.admission->Admit(Admission::Kind::kStream, context->peer(), /*bytes=*/0);
    if (!ticket.ok()) {
      End(ticket.status());
      return;
    }
    ticket_.emplace(*std::move(ticket));
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    idle_.Touch();
    if (!ok) {
      const absl::Status waiting = CheckWaiting(*context_);
      End(waiting.ok() ? absl::InvalidArgumentError(absl::StrCat(
                             "the stream ended before its lists: ", num_open_, " are open"))
                       : waiting);
      return;
    }
    if (const absl::Status status = Take(request_); !status.ok()) {
      End(status);
      return;
    }
    Continue();
  }

  void OnWriteDone(bool ok) override {
    idle_.Touch();
    if (!ok) {
      End(absl::CancelledError("the caller has given up"));
      return;
    }
    replies_.pop_front();
    Continue();
  }

  void OnDone() override {
    parts_.idle_watch->Leave(&idle_);
    ticket_.reset();
    parts_.observer->OnStreamEnd(absl::StatusCodeToString(code_));
    delete this;
  }

 private:
  // Takes one message; ranks it completes go to replies_.
  absl::Status Take(const v1::ScoreStreamRequest& request) {
    if (!prompt_) {
      if (!request.has_prompt()) {
        return absl::InvalidArgumentError("the first message has no prompt");
      }
      return TakePrompt(request.prompt());
    }
    if (!request.has_piece()) {
      return absl::InvalidArgumentError("a message has no piece: expected one after the prompt");
    }
    return TakePiece(request.piece());
  }

  absl::Status TakePrompt(const v1::StreamPrompt& message) {
    if (message.num_lists() < 1 || message.num_lists() > parts_.limits.max_lists) {
      return absl::InvalidArgumentError(absl::StrCat("num_lists is ",
                                                     message.num_lists(),
                                                     ": expected an integer from 1 to ",
                                                     parts_.limits.max_lists));
    }
    CR_ASSIGN_OR_RETURN(scoring::Prompt prompt, ReadPrompt(message, *scorer_));
    prompt_.emplace(std::move(prompt));
    target_.emplace(scorer_->Prepare(*prompt_));
    const auto num_lists = static_cast<size_t>(message.num_lists());
    CR_RETURN_IF_ERROR(ticket_->Hold(static_cast<int64_t>(
        2 * message.ByteSizeLong() + num_lists * (sizeof(scoring::ListStream) + sizeof(void*)))));
    lists_.resize(num_lists);
    num_open_ = message.num_lists();
    return absl::OkStatus();
  }

  absl::Status TakePiece(const v1::ListPiece& piece) {
    if (piece.list() < 0 || piece.list() >= static_cast<int>(lists_.size())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "piece.list is ", piece.list(), ": expected an integer from 0 to ", lists_.size() - 1));
    }
    List& list = lists_[static_cast<size_t>(piece.list())];
    if (list.stream == nullptr) {
      list.stream = std::make_unique<scoring::ListStream>(scorer_.get(), &*target_);
    }
    if (list.stream->is_ended()) {
      return absl::InvalidArgumentError(
          absl::StrCat("piece.list is ", piece.list(), ": this list has ended already"));
    }
    const int64_t num_line_breaks = NumLineBreaks(piece.text());
    list.num_line_breaks += num_line_breaks;
    CR_RETURN_IF_ERROR(
        CheckList(parts_.limits,
                  static_cast<int64_t>(list.stream->text().size() + piece.text().size()),
                  list.num_line_breaks,
                  "lists",
                  piece.list()));
    CR_RETURN_IF_ERROR(ticket_->Hold(static_cast<int64_t>(piece.text().size()) +
                                     kBytesPerLine * (num_line_breaks + piece.is_last())));
    std::vector<scoring::StreamedRank> ranks;
    list.stream->Add(piece.text(), &ranks);
    if (piece.is_last()) {
      list.stream->End(&ranks);
      --num_open_;
    }
    for (const scoring::StreamedRank& rank : ranks) AddReply(piece.list(), rank);
    return absl::OkStatus();
  }

  void AddReply(int list, const scoring::StreamedRank& streamed) {
    v1::ScoreStreamReply& reply = replies_.emplace_back();
    reply.set_catalog_digest(scorer_->catalog().digest());
    v1::StreamedRank* rank = reply.mutable_rank();
    rank->set_list(list);
    rank->set_rank(streamed.rank);
    wire::Write(streamed.line, rank->mutable_line());
    if (streamed.reward) rank->set_reward(*streamed.reward);
  }

  void Continue() {
    if (!replies_.empty()) {
      grpc::WriteOptions options;
      if (replies_.size() > 1) options.set_buffer_hint();  // More follows at once.
      StartWrite(&replies_.front(), options);
    } else if (num_open_ > 0) {
      StartRead(&request_);
    } else {
      ScoreAll();
    }
  }

  // Scores the whole texts, as ScoreGroup does.
  void ScoreAll() {
    if (const absl::Status waiting = CheckWaiting(*context_); !waiting.ok()) {
      End(waiting);
      return;
    }
    std::vector<domain::ListScore> scores(lists_.size());
    std::vector<std::string_view> texts;
    scoring::ScoreSession session(scorer_.get());
    for (size_t i = 0; i < lists_.size(); ++i) {
      texts.push_back(lists_[i].stream->text());
      session.Score(texts.back(), *target_, &scores[i]);
    }
    if (parts_.external == nullptr) {
      SendResult(scores);
      return;
    }
    parts_.external->Apply({texts, prompt_->ground_truth, prompt_->seen_titles},
                           std::move(scores),
                           [this](std::vector<domain::ListScore> whole) { SendResult(whole); });
  }

  void SendResult(const std::vector<domain::ListScore>& scores) {
    parts_.observer->OnScores(scores);
    v1::ScoreStreamReply& reply = replies_.emplace_back();
    reply.set_catalog_digest(scorer_->catalog().digest());
    v1::ScoreGroupReply* result = reply.mutable_result();
    result->set_catalog_digest(scorer_->catalog().digest());
    result->set_rules_digest(scorer_->rules_digest());
    for (const domain::ListScore& score : scores) wire::Write(score, result->add_scores());
    code_ = absl::StatusCode::kOk;
    StartWriteAndFinish(&reply, grpc::WriteOptions(), grpc::Status::OK);
  }

  void End(const absl::Status& status) {
    code_ = status.code();
    Finish(ToAnswer(status, context_));
  }

  struct List {
    std::unique_ptr<scoring::ListStream> stream;  // nullptr before its first piece.
    int64_t num_line_breaks = 0;
  };

  const ServiceParts parts_;
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<const scoring::ListScorer> scorer_;  // The same for the whole stream.
  IdleWatch::Entry idle_;
  std::optional<Admission::Ticket> ticket_;  // Absent when not admitted.
  v1::ScoreStreamRequest request_;
  std::optional<scoring::Prompt> prompt_;    // Absent before the first message.
  std::optional<lists::ListTarget> target_;  // Of prompt_.
  std::vector<List> lists_;
  int num_open_ = 0;
  std::deque<v1::ScoreStreamReply> replies_;
  absl::StatusCode code_ = absl::StatusCode::kUnknown;
};

}  // namespace

grpc::ServerBidiReactor<v1::ScoreStreamRequest, v1::ScoreStreamReply>* StartScoreStream(
    const ServiceParts& parts, grpc::CallbackServerContext* context) {
  return new ScoreStream(parts, context);
}

}  // namespace convrec::reward
