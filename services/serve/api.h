// The endpoints: /v1/chat/completions, /v1/completions, /v1/models, /health and /metrics.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/http/http_server.h"
#include "libs/text_model/catalog_lists.h"
#include "libs/text_model/model_text.h"
#include "services/serve/answering.h"
#include "services/serve/api_error.h"
#include "services/serve/completion_request.h"

namespace convrec::serve {

// Lives on the HTTP server's thread.
class Api final {
 public:
  struct Options {
    std::string model_name;
    std::string api_key;  // "" = no key is required.
    // For a chat without a limit; fewer if the context ends earlier.
    int default_max_tokens = 1024;
    RequestLimits limits;
  };

  // All arguments must outlive this object; `context.tokenizer` is that of `text`. Chats are
  // constrained to `lists`.
  Api(const Options& options,
      const text_model::ModelText* text,
      const text_model::CatalogLists* lists,
      const Answering::Context& context);

  // The handler of the HTTP server. Responds now or later.
  void Handle(std::shared_ptr<http::HttpExchange> exchange);

 private:
  using Prompts = std::vector<Answering::Prompt>;

  bool IsAuthorized(const http::HttpRequest& request) const;
  void Complete(CompletionRequest::Kind kind, std::shared_ptr<http::HttpExchange> exchange);
  // Responds with the error of a request that was parsed but cannot be run.
  std::optional<ApiError> Prepare(const CompletionRequest& request, Prompts* prompts) const;
  absl::StatusOr<std::vector<int32_t>> EncodePrompt(const CompletionRequest& request,
                                                    int prompt_index) const;
  http::HttpReply Health() const;
  http::HttpReply Model(const std::string& path) const;
  ApiError UnknownModel(const std::string& name) const;

  const Options options_;
  const text_model::ModelText* const text_;
  const text_model::CatalogLists* const lists_;
  const Answering::Context context_;
  const int64_t created_;  // Seconds since 1970.
};

}  // namespace convrec::serve
