// convrec-generate: completions of a model on the command line. `convrec generate` becomes this
// binary.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/memory.h"
#include "libs/base/program.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/kernels/adaptive_wait.h"
#include "libs/text_model/catalog_lists.h"
#include "libs/text_model/model_arguments.h"
#include "libs/text_model/model_text.h"
#include "libs/text_model/temperature.h"
#include "tools/generate/generator.h"
#include "tools/generate/line_reader.h"
#include "tools/generate/writers.h"

namespace convrec::generate {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  convrec generate --model runs/first/model --prompt \"I like Alien and Heat.\"\n"
    "  convrec generate --model DIR --prompt-file prompt.txt --raw --temperature 0\n"
    "  convrec generate --model DIR --prompt \"Name a film.\" -n 4 --seed 7 --json\n"
    "  convrec generate --model DIR --chat --system \"You recommend films.\"\n"
    "A prompt is a user's message: of a model that convrec has trained the dialogue, within the\n"
    "instruction it was trained with; --raw gives the model the text as it stands. Text goes to "
    "standard output as it is drawn, figures to standard\n"
    "error. --json writes one object per completion: index, text, tokens, logprobs (of the\n"
    "softmax at the given temperature, at 1 when it is 0), finish_reason. The same seed gives the\n"
    "same text. In --chat each line is a message, /reset forgets the conversation, Ctrl-D ends.\n"
    "Ctrl-C stops: what was drawn stays written, and the exit code is 130.";

constexpr int kExitInterrupted = 130;

struct Arguments {
  text_model::ModelArguments model;
  std::string prompt, prompt_file, system;
  bool is_chat = false, is_raw = false, is_json = false;
  domain::SamplingParams sampling;
  int max_tokens = 0;
  int num_completions = 1;
  std::vector<std::string> stops, seen_titles;
  CLI::Option* prompt_option = nullptr;
  CLI::Option* seed_option = nullptr;
};

void AddInputArguments(CLI::App* app, Arguments* a) {
  text_model::AddModelArguments(app, &a->model);
  CLI::Option_group* input = app->add_option_group("Prompt (exactly one)");
  a->prompt_option = input->add_option("-p,--prompt", a->prompt, "The prompt.");
  input->add_option("-f,--prompt-file", a->prompt_file, "File with the prompt; - = standard input.")
      ->type_name("FILE");
  CLI::Option* chat = input->add_flag(
      "--chat", a->is_chat, "A conversation: each line of standard input is a message.");
  input->require_option(1);

  CLI::Option* system = app->add_option(
      "--system",
      a->system,
      "System message before the prompt or the conversation; a model that convrec has trained "
      "takes it in the place of its instruction.");
  CLI::Option* raw = app->add_flag(
      "--raw",
      a->is_raw,
      "No instruction and no chat template: the model goes on with the text as it stands.");
  CLI::Option* json = app->add_flag(
      "--json", a->is_json, "JSON lines with tokens and log-probabilities instead of text.");
  CLI::Option* count = app->add_option("-n,--n", a->num_completions, "Completions of the prompt.")
                           ->check(CLI::Range(1, 4096))
                           ->capture_default_str();
  raw->excludes(system)->excludes(chat);
  json->excludes(chat);
  count->excludes(chat);
  app->add_option("--seen",
                  a->seen_titles,
                  "Title that a list held to the catalog leaves out; may be repeated.")
      ->allow_extra_args(false)
      ->type_name("TITLE")
      ->excludes(raw);
  app->footer(kExamples);
}

void AddSamplingArguments(CLI::App* app, Arguments* a) {
  const char* const group = "Sampling";
  app->add_option("-t,--temperature", a->sampling.temperature, "0 = always the likeliest token.")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str()
      ->group(group);
  app->add_option(
         "--top-p", a->sampling.top_p, "Likeliest tokens that make up this probability; 1 = all.")
      ->check(CLI::Range(1e-6, 1.0))
      ->capture_default_str()
      ->group(group);
  app->add_option("--top-k", a->sampling.top_k, "This many likeliest tokens; 0 = all.")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app->add_option("--min-p",
                  a->sampling.min_p,
                  "Tokens at least this probable relative to the likeliest; 0 = all.")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group(group);
  a->seed_option =
      app->add_option(
             "--seed", a->sampling.seed, "Of the draws; another one each time when left out.")
          ->group(group);
  app->add_option(
         "--max-tokens",
         a->max_tokens,
         "Longest answer; when left out, that of the evaluations the model was trained with, or "
         "1024, or what the context leaves.")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app->add_option(
         "--stop", a->stops, "Text that ends a completion and is left out; may be repeated.")
      ->allow_extra_args(false)
      ->check([](const std::string& stop) {
        return stop.empty() ? std::string("a stop text may not be empty") : std::string();
      })
      ->type_name("TEXT")
      ->group(group);
}

bool WriteToStdout(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

void PrintFigures(size_t num_prompt_tokens, const GenerationFigures& figures) {
  std::fprintf(
      stderr,
      "%s",
      absl::StrFormat("%d prompt tokens, first token after %.2f s, %d tokens in %.2f s, %.1f "
                      "tokens/s after the first\n",
                      num_prompt_tokens,
                      absl::ToDoubleSeconds(figures.until_first_token),
                      figures.num_tokens,
                      absl::ToDoubleSeconds(figures.total),
                      figures.TokensPerSecond())
          .c_str());
}

// A loaded model and how to draw from it.
class Program {
 public:
  static absl::StatusOr<std::unique_ptr<Program>> Load(const Arguments& arguments) {
    CR_ASSIGN_OR_RETURN(auto text, text_model::LoadText(arguments.model, arguments.is_raw));
    CR_ASSIGN_OR_RETURN(const auto lists,
                        text_model::CatalogLists::Load(arguments.model.catalog, *text));
    CR_ASSIGN_OR_RETURN(auto make_constraint, lists.For(arguments.seen_titles));
    if (!lists.is_on() && !arguments.seen_titles.empty()) {
      return base::BadConfig("--seen has no effect: lists are not held to a catalog");
    }
    CR_ASSIGN_OR_RETURN(
        auto engine,
        text_model::MakeEngine(arguments.model, text->tokenizer(), arguments.num_completions));
    return std::unique_ptr<Program>(
        new Program(arguments, std::move(text), std::move(make_constraint), std::move(engine)));
  }

  absl::StatusOr<int> AnswerPrompt() {
    CR_ASSIGN_OR_RETURN(const std::string prompt, ReadPrompt());
    std::vector<int32_t> ids;
    if (arguments_.is_raw) {
      ids = text_->EncodeText(prompt);
    } else {
      std::vector<tokenizer::ChatMessage> messages = OpeningMessages();
      messages.push_back({"user", prompt});
      CR_ASSIGN_OR_RETURN(ids, text_->EncodeChat(messages));
    }
    if (!arguments_.is_json) {
      TextWriter writer(arguments_.num_completions, WriteToStdout);
      return Draw(std::move(ids), &writer);
    }
    JsonWriter writer(arguments_.num_completions, WriteToStdout);
    return Draw(std::move(ids), &writer);
  }

  absl::StatusOr<int> Chat() {
    const bool is_terminal = ::isatty(STDIN_FILENO) != 0;
    LineReader lines(STDIN_FILENO);
    std::vector<tokenizer::ChatMessage> messages = OpeningMessages();
    while (true) {
      if (is_terminal) std::fputs("> ", stderr);
      const auto line = lines.Next();
      if (!line) break;
      if (line->empty()) continue;
      if (*line == "/reset") {
        messages = OpeningMessages();
        continue;
      }
      messages.push_back({"user", *line});
      CR_ASSIGN_OR_RETURN(std::vector<int32_t> ids, text_->EncodeChat(messages));
      ChatWriter writer;
      const auto code = Draw(std::move(ids), &writer);
      if (absl::IsInvalidArgument(code.status())) {
        // The conversation has outgrown the context; the terminal's owner decides what to drop.
        std::fprintf(stderr,
                     "%s; /reset starts a new conversation\n",
                     std::string(code.status().message()).c_str());
        messages.pop_back();
        continue;
      }
      if (!code.ok() || *code != base::kExitOk) return code;
      messages.push_back({"assistant", writer.answer()});
    }
    return base::StopRequested() ? kExitInterrupted : base::kExitOk;
  }

 private:
  // Keeps the answer, which becomes part of the conversation.
  class ChatWriter final : public CompletionObserver {
   public:
    void OnDelta(int index, const text_model::TextDelta& delta) override {
      answer_ += delta.text;
      writer_.OnDelta(index, delta);
    }
    void OnEnd(int index, std::optional<domain::FinishReason> reason) override {
      writer_.OnEnd(index, reason);
    }
    bool is_broken() const { return writer_.is_broken(); }
    const std::string& answer() const { return answer_; }

   private:
    TextWriter writer_{1, WriteToStdout};
    std::string answer_;
  };

  Program(const Arguments& arguments,
          std::unique_ptr<const text_model::ModelText> text,
          domain::MakeTokenConstraint make_constraint,
          std::unique_ptr<engine::DecoderEngine> engine)
      : arguments_(arguments),
        text_(std::move(text)),
        make_constraint_(std::move(make_constraint)),
        engine_(std::move(engine)) {}

  absl::StatusOr<std::string> ReadPrompt() const {
    if (arguments_.prompt_option->count() > 0) return arguments_.prompt;
    if (arguments_.prompt_file != "-") return base::ReadFile(arguments_.prompt_file);
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }

  std::vector<tokenizer::ChatMessage> OpeningMessages() const {
    if (arguments_.system.empty()) return {};
    return {{"system", arguments_.system}};
  }

  template <typename Writer>
  absl::StatusOr<int> Draw(std::vector<int32_t> prompt_token_ids, Writer* writer) {
    GenerationInput input{.prompt_token_ids = std::move(prompt_token_ids),
                          .sampling = arguments_.sampling,
                          .num_completions = arguments_.num_completions,
                          .stops = arguments_.stops,
                          .make_constraint = make_constraint_};
    CR_ASSIGN_OR_RETURN(input.sampling.max_new_tokens,
                        text_model::AnswerTokens(text_->context_length(),
                                                 input.prompt_token_ids.size(),
                                                 arguments_.max_tokens,
                                                 text_model::DefaultAnswerTokens(*text_)));
    CR_ASSIGN_OR_RETURN(const GenerationFigures figures,
                        Generate(
                            engine_.get(),
                            text_->tokenizer(),
                            *base::Clock::Real(),
                            input,
                            [writer] { return base::StopRequested() || writer->is_broken(); },
                            writer));
    PrintFigures(input.prompt_token_ids.size(), figures);
    if (base::StopRequested()) return kExitInterrupted;
    return writer->is_broken() ? base::kExitIo : base::kExitOk;
  }

  const Arguments arguments_;
  const std::unique_ptr<const text_model::ModelText> text_;
  const domain::MakeTokenConstraint make_constraint_;
  const std::unique_ptr<engine::DecoderEngine> engine_;
};

absl::StatusOr<int> Run(const Arguments& arguments) {
  base::InstallStopSignals();
  const kernels::AdaptiveWait wait;
  CR_ASSIGN_OR_RETURN(const auto program, Program::Load(arguments));
  return arguments.is_chat ? program->Chat() : program->AnswerPrompt();
}

absl::StatusOr<int> Main(int argc, char** argv) {
  CLI::App app{"Draws completions of a prompt from a model and streams them to standard output.",
               "convrec generate"};
  Arguments arguments;
  AddInputArguments(&app, &arguments);
  AddSamplingArguments(&app, &arguments);
  if (const auto code = base::ParseCommandLine(&app, argc, argv)) return *code;
  arguments.sampling.temperature = text_model::UsableTemperature(arguments.sampling.temperature);
  if (arguments.seed_option->count() == 0) {
    std::random_device device;
    arguments.sampling.seed = (uint64_t{device()} << 32) | device();
  }
  return Run(arguments);
}

}  // namespace
}  // namespace convrec::generate

int main(int argc, char** argv) {
  convrec::base::KeepFreedMemory();
  return convrec::base::RunProgram("convrec generate",
                                   [&] { return convrec::generate::Main(argc, argv); });
}
