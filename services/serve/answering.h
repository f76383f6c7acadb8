// The response stream of one accepted request.
//
// Tokens come from the engine loop and are sent as chunks of a stream, or kept for one whole
// response. When all choices have ended, or the client has left, the call is cancelled, so no
// tokens are drawn that nobody reads. Lives on the HTTP server's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/http/http_server.h"
#include "libs/text_model/choice_text.h"
#include "services/serve/answer_json.h"
#include "services/serve/completion_request.h"
#include "services/serve/engine_loop.h"
#include "services/serve/serve_metrics.h"

namespace convrec::serve {

class Answering final : public std::enable_shared_from_this<Answering> {
 public:
  // Shared by all responses of a server; everything in it must outlive them.
  struct Context {
    http::HttpServer* server = nullptr;
    EngineLoop* loop = nullptr;
    const tokenizer::Tokenizer* tokenizer = nullptr;
    ServeMetrics* metrics = nullptr;
    const base::Clock* clock = nullptr;
  };
  // One prompt of the request, ready for the engine; num_siblings is the request's n.
  struct Prompt {
    engine::GenerationRequest group;
    std::string echo;  // Text before the completions; "" = none.
  };

  Answering(const Context& context,
            const CompletionRequest& request,
            AnswerJson::Head head,
            absl::Time arrival,
            std::shared_ptr<http::HttpExchange> exchange);

  // Submits all prompts and responds when they are done, or at once if the loop refuses them.
  void Start(std::vector<Prompt> prompts);

 private:
  class Relay;
  struct Choice {
    text_model::ChoiceText text;
    AnswerChoice answer;   // In a stream: only its end.
    std::string echo;      // Not sent yet.
    bool is_open = false;  // Its first chunk has been sent.
  };

  void TakeTokens(std::vector<engine::DrawnToken> tokens);
  void TakeToken(engine::DrawnToken token);
  void TakeEnd(const absl::Status& status);
  void StreamDelta(Choice* choice, text_model::TextDelta delta);
  void SendEvent(const std::string& data);
  void Complete();
  void Fail(const absl::Status& status);
  void ClientGone();
  // Ends the response; `http_status` is what is counted.
  void Close(int http_status);

  const Context context_;
  const CompletionRequest::Kind kind_;
  const int num_choices_per_prompt_;
  const bool is_streamed_;
  const bool wants_usage_chunk_;
  const bool has_logprobs_;
  const std::vector<std::string> stops_;
  const AnswerJson json_;
  const absl::Time arrival_;
  const std::shared_ptr<http::HttpExchange> exchange_;

  std::vector<Choice> choices_;
  Usage usage_;
  int64_t call_ = 0;
  size_t num_ended_ = 0;
  bool has_first_token_ = false;
  bool is_stream_begun_ = false;
  bool is_closed_ = false;
};

}  // namespace convrec::serve
