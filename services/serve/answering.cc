#include "services/serve/answering.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/serve/error_reply.h"

namespace convrec::serve {

// Carries what the engine's thread says to the server's thread. The answering is always let go of
// there, because its exchange belongs to that thread.
class Answering::Relay final : public GenerationListener {
 public:
  Relay(http::HttpServer* server, std::shared_ptr<Answering> answering)
      : server_(server), answering_(std::move(answering)) {}

  void OnTokens(std::vector<engine::DrawnToken> tokens) override {
    server_->Post([answering = answering_, tokens = std::move(tokens)]() mutable {
      answering->TakeTokens(std::move(tokens));
    });
  }
  void OnEnd(const absl::Status& status) override {
    server_->Post([answering = std::move(answering_), status] { answering->TakeEnd(status); });
  }

 private:
  http::HttpServer* const server_;
  std::shared_ptr<Answering> answering_;
};

Answering::Answering(const Context& context,
                     const CompletionRequest& request,
                     AnswerJson::Head head,
                     absl::Time arrival,
                     std::shared_ptr<http::HttpExchange> exchange)
    : context_(context),
      kind_(request.kind),
      num_choices_per_prompt_(request.num_choices),
      is_streamed_(request.is_streamed),
      wants_usage_chunk_(request.wants_usage_chunk),
      has_logprobs_(request.num_logprobs.has_value()),
      stops_(request.stops),
      json_(context.tokenizer, std::move(head)),
      arrival_(arrival),
      exchange_(std::move(exchange)) {}

void Answering::Start(std::vector<Prompt> prompts) {
  std::vector<engine::GenerationRequest> groups;
  for (Prompt& prompt : prompts) {
    usage_.prompt_tokens += static_cast<int64_t>(prompt.group.prompt_token_ids.size());
    for (int i = 0; i < num_choices_per_prompt_; ++i) {
      Choice choice{.text = text_model::ChoiceText(
                        context_.tokenizer,
                        {.stops = stops_, .max_tokens = prompt.group.sampling.max_new_tokens}),
                    .answer = {},
                    .echo = prompt.echo};
      choice.answer.index = static_cast<int>(choices_.size());
      choices_.push_back(std::move(choice));
    }
    groups.push_back(std::move(prompt.group));
  }
  auto call = context_.loop->Submit(std::move(groups),
                                    std::make_shared<Relay>(context_.server, shared_from_this()));
  if (!call.ok()) return Fail(call.status());
  call_ = *call;
  context_.metrics->CountPromptTokens(usage_.prompt_tokens);
  exchange_->OnGone([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->ClientGone();
  });
}

void Answering::TakeTokens(std::vector<engine::DrawnToken> tokens) {
  context_.metrics->CountGeneratedTokens(static_cast<int64_t>(tokens.size()));
  if (is_closed_) return;
  if (!has_first_token_) {
    has_first_token_ = true;
    context_.metrics->ObserveFirstToken(context_.clock->Now() - arrival_);
  }
  for (engine::DrawnToken& token : tokens) TakeToken(std::move(token));
  if (num_ended_ == choices_.size()) Complete();
}

void Answering::TakeToken(engine::DrawnToken token) {
  const int64_t index = token.tag * num_choices_per_prompt_ + token.sibling;
  CR_CHECK(index >= 0 && index < static_cast<int64_t>(choices_.size()));
  Choice& choice = choices_[static_cast<size_t>(index)];
  if (choice.text.end()) return;
  const int64_t group = token.tag;
  const int sibling = token.sibling;
  text_model::TextDelta delta = choice.text.Push(std::move(token));
  if (choice.text.end()) {
    // The engine knows nothing of stop strings.
    context_.loop->EndSibling(call_, group, sibling);
    choice.answer.end = choice.text.end();
    ++num_ended_;
    usage_.completion_tokens += choice.text.num_tokens();
  }
  if (is_streamed_) return StreamDelta(&choice, std::move(delta));
  choice.answer.text += delta.text;
  if (!has_logprobs_) return;
  for (text_model::ChoiceToken& kept : delta.tokens)
    choice.answer.tokens.push_back(std::move(kept));
}

void Answering::StreamDelta(Choice* choice, text_model::TextDelta delta) {
  if (!choice->is_open) {
    choice->is_open = true;
    if (kind_ == CompletionRequest::Kind::kChat) {
      SendEvent(json_.OpeningChunk(choice->answer.index));
    } else if (!choice->echo.empty()) {
      SendEvent(json_.Chunk({.index = choice->answer.index,
                             .text = std::exchange(choice->echo, ""),
                             .tokens = {},
                             .end = std::nullopt}));
    }
  }
  if (!delta.text.empty() || (has_logprobs_ && !delta.tokens.empty())) {
    SendEvent(json_.Chunk({.index = choice->answer.index,
                           .text = std::move(delta.text),
                           .tokens = std::move(delta.tokens),
                           .end = std::nullopt}));
  }
  if (choice->answer.end) SendEvent(json_.Chunk(choice->answer));
}

// The head goes out with the first event, so that a request that the engine refuses still gets its
// status.
void Answering::SendEvent(const std::string& data) {
  if (!is_stream_begun_) {
    is_stream_begun_ = true;
    exchange_->BeginStream("text/event-stream");
  }
  exchange_->Send(SseEvent(data));
}

void Answering::Complete() {
  if (is_streamed_) {
    if (wants_usage_chunk_) SendEvent(json_.UsageChunk(usage_));
    SendEvent("[DONE]");
    exchange_->EndStream();
  } else {
    std::vector<AnswerChoice> answers;
    for (Choice& choice : choices_) {
      choice.answer.text.insert(0, choice.echo);
      answers.push_back(std::move(choice.answer));
    }
    exchange_->Reply({.status = 200, .body = json_.Whole(answers, usage_)});
  }
  context_.metrics->ObserveAnswer(context_.clock->Now() - arrival_);
  Close(200);
}

void Answering::TakeEnd(const absl::Status& status) {
  if (is_closed_) return;
  if (absl::IsCancelled(status)) return Fail(absl::UnavailableError(status.message()));
  Fail(status.ok() ? absl::InternalError("the engine ended an answer before its end") : status);
}

void Answering::Fail(const absl::Status& status) {
  const ApiError error = ErrorOfStatus(status);
  if (is_stream_begun_) {
    SendEvent(error.ToJson());
    exchange_->EndStream();
  } else {
    exchange_->Reply(ReplyOf(error));
  }
  Close(error.http_status);
}

void Answering::ClientGone() { Close(499); }

void Answering::Close(int http_status) {
  if (is_closed_) return;
  is_closed_ = true;
  context_.metrics->CountRequest(EndpointName(kind_), http_status);
  context_.loop->Cancel(call_);
}

}  // namespace convrec::serve
