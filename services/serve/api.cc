#include "services/serve/api.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/http/percent.h"
#include "libs/telemetry/exposer.h"
#include "services/serve/error_reply.h"

namespace convrec::serve {
namespace {

// Where /v1/completions names no limit, OpenAI's default.
constexpr int kDefaultTextTokens = 16;
constexpr char kModelsPath[] = "/v1/models";

uint64_t RandomWord() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

std::string NewId(CompletionRequest::Kind kind) {
  return absl::StrCat(kind == CompletionRequest::Kind::kChat ? "chatcmpl-" : "cmpl-",
                      absl::Hex(RandomWord(), absl::kZeroPad16),
                      absl::Hex(RandomWord(), absl::kZeroPad16));
}

// Takes the same time wherever the first difference is.
bool EqualSecrets(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i] ^ b[i]));
  }
  return difference == 0;
}

ApiError ErrorOfField(const std::string& field, const absl::Status& status) {
  ApiError error = ErrorOfStatus(status);
  error.param = field;
  return error;
}

http::HttpReply MethodNotAllowed(const http::HttpRequest& request, const std::string& allowed) {
  http::HttpReply reply = ReplyOf(
      ErrorOfHttpStatus(405, absl::StrCat(request.method, " is not allowed here; use ", allowed)));
  reply.headers = {{"Allow", allowed}};
  return reply;
}

}  // namespace

Api::Api(const Options& options,
         const text_model::ModelText* text,
         const text_model::CatalogLists* lists,
         const Answering::Context& context)
    : options_(options),
      text_(text),
      lists_(lists),
      context_(context),
      created_(absl::ToUnixSeconds(context.clock->Now())) {}

void Api::Handle(std::shared_ptr<http::HttpExchange> exchange) {
  const http::HttpRequest& request = exchange->request();
  const std::string& path = request.path;
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  if (path.starts_with("/v1/") && !IsAuthorized(request)) {
    ApiError error = ErrorOfHttpStatus(
        401, "the API key is missing or wrong; send it as \"Authorization: Bearer KEY\"");
    error.code = "invalid_api_key";
    return exchange->Reply(ReplyOf(error));
  }
  if (path == "/v1/chat/completions" || path == "/v1/completions") {
    if (request.method != "POST") return exchange->Reply(MethodNotAllowed(request, "POST"));
    return Complete(
        path == "/v1/completions" ? CompletionRequest::Kind::kText : CompletionRequest::Kind::kChat,
        std::move(exchange));
  }
  const bool is_models = path == kModelsPath || path.starts_with(absl::StrCat(kModelsPath, "/"));
  const bool is_alive = path == "/healthz";
  const bool is_ready = path == "/health" || path == "/readyz";
  if (!is_alive && !is_ready && path != "/metrics" && !is_models) {
    return exchange->Reply(ReplyOf(ErrorOfHttpStatus(
        404,
        absl::StrCat(
            "there is no ",
            path,
            "; this server has /v1/chat/completions, /v1/completions, /v1/models, /health, "
            "/healthz, /readyz and /metrics"))));
  }
  if (!is_read) return exchange->Reply(MethodNotAllowed(request, "GET"));
  if (is_alive) return exchange->Reply({.status = 200, .body = R"({"status":"ok"})"});
  if (is_ready) return exchange->Reply(Health());
  if (is_models) return exchange->Reply(Model(path));
  exchange->Reply(telemetry::ExpositionReply(context_.metrics->Serialize(context_.loop->load())));
}

bool Api::IsAuthorized(const http::HttpRequest& request) const {
  return options_.api_key.empty() ||
         EqualSecrets(request.authorization, absl::StrCat("Bearer ", options_.api_key));
}

void Api::Complete(CompletionRequest::Kind kind, std::shared_ptr<http::HttpExchange> exchange) {
  const absl::Time arrival = context_.clock->Now();
  const auto refuse = [&](const ApiError& error) {
    context_.metrics->CountRequest(EndpointName(kind), error.http_status);
    exchange->Reply(ReplyOf(error));
  };
  const ParsedRequest parsed = ParseRequest(kind, exchange->request().body, options_.limits);
  if (const ApiError* error = std::get_if<ApiError>(&parsed)) return refuse(*error);
  const CompletionRequest& request = std::get<CompletionRequest>(parsed);
  Prompts prompts;
  if (const auto error = Prepare(request, &prompts)) return refuse(*error);
  AnswerJson::Head head{.kind = kind,
                        .id = NewId(kind),
                        .created = absl::ToUnixSeconds(arrival),
                        .model = options_.model_name,
                        .has_logprobs = request.num_logprobs.has_value(),
                        .has_usage_chunk = request.wants_usage_chunk};
  std::make_shared<Answering>(context_, request, std::move(head), arrival, std::move(exchange))
      ->Start(std::move(prompts));
}

std::optional<ApiError> Api::Prepare(const CompletionRequest& request, Prompts* prompts) const {
  if (request.model != options_.model_name) return UnknownModel(request.model);
  const bool is_chat = request.kind == CompletionRequest::Kind::kChat;
  if (!request.seen_titles.empty() && !lists_->is_on()) {
    return InvalidRequest("\"seen_titles\" has no effect here: lists are not held to a catalog.",
                          "seen_titles");
  }
  const uint64_t seed = request.seed.value_or(RandomWord());
  for (int i = 0; i < request.num_prompts(); ++i) {
    const std::string field = is_chat ? "messages" : "prompt";
    auto ids = EncodePrompt(request, i);
    if (!ids.ok()) return ErrorOfField(field, ids.status());
    const auto max_tokens =
        text_model::AnswerTokens(text_->context_length(),
                                 ids->size(),
                                 request.max_tokens.value_or(0),
                                 is_chat ? options_.default_max_tokens : kDefaultTextTokens);
    if (!max_tokens.ok()) {
      const bool is_prompt_long = static_cast<int>(ids->size()) >= text_->context_length();
      const bool is_limit = request.max_tokens && !ids->empty() && !is_prompt_long;
      ApiError error =
          ErrorOfField(is_limit ? request.max_tokens_field : field, max_tokens.status());
      if (!ids->empty()) error.code = "context_length_exceeded";
      return error;
    }
    Answering::Prompt prompt;
    if (request.echoes_prompt) prompt.echo = text_->tokenizer().Decode(*ids);
    prompt.group.stream = static_cast<uint64_t>(i);
    prompt.group.prompt_token_ids = *std::move(ids);
    prompt.group.num_siblings = request.num_choices;
    prompt.group.sampling = request.sampling;
    prompt.group.sampling.max_new_tokens = *max_tokens;
    prompt.group.sampling.seed = seed;
    prompt.group.num_top_logprobs = request.num_logprobs.value_or(0);
    if (is_chat) {
      auto make_constraint = lists_->For(request.seen_titles);
      if (!make_constraint.ok()) return ErrorOfField("seen_titles", make_constraint.status());
      prompt.group.make_constraint = *std::move(make_constraint);
    }
    prompts->push_back(std::move(prompt));
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<int32_t>> Api::EncodePrompt(const CompletionRequest& request,
                                                       int prompt_index) const {
  if (request.kind == CompletionRequest::Kind::kChat) {
    return text_->EncodeChat(request.messages, request.template_arguments);
  }
  const TextPrompt& prompt = request.prompts[static_cast<size_t>(prompt_index)];
  if (const auto* prompt_text = std::get_if<std::string>(&prompt)) {
    return text_->EncodeText(*prompt_text);
  }
  const std::vector<int32_t>& ids = std::get<std::vector<int32_t>>(prompt);
  for (const int32_t id : ids) {
    if (id >= text_->vocab_size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "token id ", id, " is beyond the model's vocabulary of ", text_->vocab_size()));
    }
  }
  return ids;
}

http::HttpReply Api::Health() const {
  if (context_.loop->is_draining()) return {.status = 503, .body = R"({"status":"draining"})"};
  if (context_.loop->load().has_failed) {
    return {.status = 503, .body = R"({"status":"the engine failed"})"};
  }
  return {.status = 200, .body = R"({"status":"ok"})"};
}

http::HttpReply Api::Model(const std::string& path) const {
  if (path == kModelsPath) {
    return {.status = 200,
            .body = ModelListJson(options_.model_name, created_, text_->context_length())};
  }
  const std::string escaped = path.substr(sizeof(kModelsPath));
  const std::optional<std::string> name = http::PercentDecode(escaped);
  if (!name) {
    return ReplyOf(InvalidRequest(
        absl::StrCat("The model's name \"", escaped, "\" has a \"%\" without two digits."),
        "model"));
  }
  if (*name != options_.model_name) return ReplyOf(UnknownModel(*name));
  return {.status = 200, .body = ModelJson(*name, created_, text_->context_length())};
}

ApiError Api::UnknownModel(const std::string& name) const {
  ApiError error = ErrorOfHttpStatus(
      404,
      absl::StrCat(
          "there is no model \"", name, "\"; this server has \"", options_.model_name, "\""));
  error.param = "model";
  error.code = "model_not_found";
  return error;
}

}  // namespace convrec::serve
