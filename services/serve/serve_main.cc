// convrec-serve: an OpenAI-compatible endpoint for one model. `convrec serve` becomes this binary.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/memory.h"
#include "libs/base/monotonic.h"
#include "libs/base/program.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/http/http_server.h"
#include "libs/kernels/adaptive_wait.h"
#include "libs/telemetry/metrics.h"
#include "libs/text_model/catalog_lists.h"
#include "libs/text_model/model_arguments.h"
#include "libs/text_model/model_text.h"
#include "services/serve/api.h"
#include "services/serve/engine_loop.h"

namespace convrec::serve {
namespace {

constexpr char kExamples[] =
    "Any OpenAI client can talk to it:\n"
    "  convrec serve --model runs/first/model\n"
    "  curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' -d '{\n"
    "    \"model\": \"model\", \"messages\": [{\"role\": \"user\", \"content\": \"Films like "
    "Alien?\"}],\n"
    "    \"stream\": true}'\n"
    "A model that convrec has trained gets chats as the dialogues it was trained on; --raw, and\n"
    "/v1/completions, go without. Beside OpenAI's own fields top_k and min_p are accepted; what "
    "is\n"
    "not supported is refused.\n"
    "GET /health is 200 while answers are given, GET /metrics is for Prometheus. SIGTERM or "
    "Ctrl-C:\n"
    "running answers finish, new ones get 503. Transport is plaintext: keep the port on a trusted\n"
    "network, or put a proxy with TLS before it.";

struct Arguments {
  text_model::ModelArguments model;
  std::string listen = "127.0.0.1:8000";
  std::string name;
  std::string api_key;
  std::vector<std::string> cors_origins;
  int max_sequences = 64;
  int max_waiting = 128;
  int default_max_tokens = 0;  // 0 = as the model says.
  bool is_raw = false;
  int drain_seconds = 60;
};

void AddArguments(CLI::App* app, Arguments* arguments) {
  text_model::AddModelArguments(app, &arguments->model);
  app->add_option("-l,--listen", arguments->listen, "Address to listen on; port 0 = any free one.")
      ->capture_default_str()
      ->type_name("IP:PORT");
  app->add_option("--name",
                  arguments->name,
                  "What requests call the model; the name of its folder when left out.");
  app->add_option("--api-key",
                  arguments->api_key,
                  "Only clients that send this key are served; better given as CONVREC_API_KEY, "
                  "which other users do not see.")
      ->envname("CONVREC_API_KEY");
  app->add_option("--cors",
                  arguments->cors_origins,
                  "Origin of pages that browsers let talk to the server, as in "
                  "https://host:port, or * for all; may be repeated.")
      ->allow_extra_args(false)
      ->check([](const std::string& origin) {
        return http::IsCorsOrigin(origin) ? std::string()
                                          : origin + " is no origin: expected https://host:port";
      })
      ->type_name("ORIGIN");
  app->add_option("--max-sequences",
                  arguments->max_sequences,
                  "Completions that are drawn at the same time, of all requests together.")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--max-waiting",
                  arguments->max_waiting,
                  "Completions that may wait beyond these; further requests get 429.")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--default-max-tokens",
                  arguments->default_max_tokens,
                  "Longest answer of a chat whose request names no limit; when left out, that of "
                  "the evaluations the model was trained with, or 1024.")
      ->check(CLI::PositiveNumber);
  app->add_flag(
      "--raw",
      arguments->is_raw,
      "Chats go to the model's chat template as they are, without the instruction that it "
      "was trained with (convrec.json).");
  app->add_option("--drain-seconds",
                  arguments->drain_seconds,
                  "After a stop signal, running answers get so long to finish.")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->footer(kExamples);
}

std::string NameOf(const Arguments& arguments) {
  if (!arguments.name.empty()) return arguments.name;
  return std::filesystem::weakly_canonical(arguments.model.directory).filename().string();
}

absl::Status Run(const Arguments& arguments) {
  base::SetLogRole("serve");
  base::InstallStopSignals();
  const kernels::AdaptiveWait wait;
  // The port first: a wrong address shows before the weights are read.
  http::HttpServer::Options server_options;
  server_options.error_body = [](int status, const std::string& message) {
    return ErrorOfHttpStatus(status, message).ToJson();
  };
  server_options.cors = http::CorsPolicy(arguments.cors_origins);
  CR_ASSIGN_OR_RETURN(const auto server,
                      http::HttpServer::Listen(arguments.listen, server_options));
  CR_ASSIGN_OR_RETURN(const auto text, text_model::LoadText(arguments.model, arguments.is_raw));
  CR_ASSIGN_OR_RETURN(const auto lists,
                      text_model::CatalogLists::Load(arguments.model.catalog, *text));
  CR_ASSIGN_OR_RETURN(
      const auto engine,
      text_model::MakeEngine(arguments.model, text->tokenizer(), arguments.max_sequences));

  const std::string name = NameOf(arguments);
  telemetry::Metrics metrics(name, "serve");
  ServeMetrics serve_metrics(&metrics);
  const int most = arguments.max_sequences + arguments.max_waiting;
  EngineLoop loop(engine.get(), {.max_sequences = most});
  Api api(
      {.model_name = name,
       .api_key = arguments.api_key,
       .default_max_tokens = text_model::DefaultAnswerTokens(*text, arguments.default_max_tokens),
       .limits = {.max_choices_per_prompt = arguments.max_sequences, .max_choices = most}},
      text.get(),
      &lists,
      {.server = server.get(),
       .loop = &loop,
       .tokenizer = &text->tokenizer(),
       .metrics = &serve_metrics,
       .clock = base::Clock::Real()});
  server->Start(
      [&api](std::shared_ptr<http::HttpExchange> exchange) { api.Handle(std::move(exchange)); });
  CR_LOG(INFO) << "serving \"" << name << "\" on port " << server->port()
               << (arguments.api_key.empty() ? ", no API key needed" : ", API key needed")
               << (text->prompt() ? ", chats as in training" : ", chats as they are")
               << (lists.is_on() ? ", lists held to the catalog" : "");

  while (!base::WaitForStop(absl::Hours(1))) {
  }
  loop.Drain();
  CR_LOG(INFO) << "stopping: " << loop.load().num_calls << " answers finish";
  if (!server->AwaitQuiet(base::MonotonicNow() + absl::Seconds(arguments.drain_seconds))) {
    CR_LOG(WARNING) << loop.load().num_calls << " answers are cut off after "
                    << arguments.drain_seconds << " s";
  }
  // Before what its thread uses.
  server->Stop();
  return absl::OkStatus();
}

absl::StatusOr<int> Main(int argc, char** argv) {
  CLI::App app{"Serves a model to OpenAI clients.", "convrec serve"};
  Arguments arguments;
  AddArguments(&app, &arguments);
  if (const auto code = base::ParseCommandLine(&app, argc, argv)) return *code;
  CR_RETURN_IF_ERROR(Run(arguments));
  return base::kExitOk;
}

}  // namespace
}  // namespace convrec::serve

int main(int argc, char** argv) {
  convrec::base::KeepFreedMemory();
  return convrec::base::RunProgram("convrec serve",
                                   [&] { return convrec::serve::Main(argc, argv); });
}
