#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog.h"
#include "libs/config/command_line.h"
#include "libs/config/load.h"
#include "libs/config/prompt_options.h"
#include "libs/prompt/model_prompt.h"
#include "libs/sample/own_model.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

struct NewModelArguments {
  config::ConfigArguments config;
  std::string catalog;  // Instead of a configuration.
  std::vector<std::string> rows;
  std::string directory;
  config::RunOptions options;  // Of the prompt; the defaults without a configuration.
  sample::OwnModelOptions model;
};

// Takes the files of a configuration where none are named.
absl::Status ReadConfig(NewModelArguments* arguments) {
  const bool has_config = !arguments->config.files.empty() || !arguments->config.overrides.empty();
  if (!arguments->catalog.empty()) {
    if (!has_config) return absl::OkStatus();
    return base::BadConfig("--catalog and a configuration are given, expected one of them");
  }
  CR_ASSIGN_OR_RETURN(arguments->options,
                      config::LoadRunOptions(arguments->config.files, arguments->config.overrides));
  const config::RunOptions& options = arguments->options;
  if (options.data.catalog.empty()) {
    return base::BadConfig(
        "data.catalog is empty: name the catalog whose titles the model is to write, there or with "
        "--catalog");
  }
  arguments->catalog = options.data.catalog;
  for (const std::string& path : {options.data.sft.path, options.data.train.path}) {
    const auto& rows = arguments->rows;
    if (!path.empty() && std::find(rows.begin(), rows.end(), path) == rows.end())
      arguments->rows.push_back(path);
  }
  arguments->model.seed = options.seed;
  arguments->model.line_format = options.data.line_format;
  if (options.data.numbered_lists) arguments->model.style = lists::ListStyle::kNumbered;
  return absl::OkStatus();
}

// What the model is to be trained with; the run that trains it writes its own.
absl::Status WritePrompt(NewModelArguments arguments) {
  arguments.options.data.numbered_lists = arguments.model.style == lists::ListStyle::kNumbered;
  arguments.options.data.line_format = arguments.model.line_format;
  CR_ASSIGN_OR_RETURN(
      const catalog::Catalog catalog,
      catalog::Catalog::Load(arguments.catalog, {.line_format = arguments.model.line_format}));
  const prompt::ModelPrompt prompt =
      config::ModelPromptOf(arguments.options, catalog.digest(), prompt::PromptForm::kDialogue);
  return base::WriteFileAtomically(base::JoinPath(arguments.directory, prompt::kModelPromptFile),
                                   prompt::ToJson(prompt));
}

absl::Status NewModel(NewModelArguments arguments) {
  CR_RETURN_IF_ERROR(ReadConfig(&arguments));
  std::error_code error;
  if (std::filesystem::exists(arguments.directory, error) &&
      !std::filesystem::is_empty(arguments.directory, error)) {
    return base::BadConfig(absl::StrCat(
        arguments.directory, " exists and is not empty, expected a folder that is to be made"));
  }
  CR_ASSIGN_OR_RETURN(const sample::OwnModelFacts facts,
                      sample::WriteOwnModel(
                          arguments.model, arguments.catalog, arguments.rows, arguments.directory));
  CR_RETURN_IF_ERROR(WritePrompt(arguments));
  std::printf("%s",
              absl::StrFormat(
                  "model in %s: %.1f M parameters with random values, %d tokens, from %d titles "
                  "and %d conversations\nuse it with model.path=%s\n",
                  arguments.directory,
                  static_cast<double>(facts.num_parameters) / 1e6,
                  facts.num_tokens,
                  facts.num_titles,
                  facts.num_rows,
                  arguments.directory)
                  .c_str());
  return absl::OkStatus();
}

}  // namespace

void AddNewModelVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand(
      "new-model", "Make a small model of your own catalog and conversations, to train from.");
  auto arguments = std::make_shared<NewModelArguments>();
  sample::OwnModelOptions* model = &arguments->model;
  verb->add_option("--out", arguments->directory, "Folder to make.")->required()->type_name("DIR");
  verb->add_option("--catalog", arguments->catalog, "Catalog, instead of a configuration.")
      ->type_name("FILE");
  verb->add_option("--rows", arguments->rows, "Conversations; with --catalog, any number of times.")
      ->type_name("FILE");
  verb->add_flag_callback(
      "--numbered",
      [model] { model->style = lists::ListStyle::kNumbered; },
      "Lists are numbered; with --catalog.");
  verb->add_option("--line-format",
                   model->line_format,
                   "How items are written, as in \"{title} - {artist}\"; with --catalog.")
      ->type_name("TEXT");
  const auto size = [verb](const char* name, int* value, int low, int high, const char* help) {
    verb->add_option(name, *value, help)
        ->check(CLI::Range(low, high))
        ->capture_default_str()
        ->type_name("N");
  };
  size("--vocab-size", &model->vocab_size, 259, 1 << 20, "Tokens, at most.");
  size("--hidden-size", &model->hidden_size, 2, 1 << 14, "Width; a multiple of twice the heads.");
  size("--layers", &model->num_layers, 1, 256, "Layers.");
  size("--heads", &model->num_heads, 1, 256, "Attention heads.");
  size("--intermediate-size", &model->intermediate_size, 1, 1 << 16, "Width of the MLP.");
  size("--context", &model->max_position_embeddings, 64, 1 << 20, "Tokens of prompt and answer.");
  AddConfigArguments(verb, &arguments->config);
  verb->footer(
      "Trains a byte-level BPE tokenizer on a catalog and conversations, those named or those of a "
      "configuration (data.catalog,\ndata.sft.path, data.train.path), and writes a "
      "Llama-architecture model directory with a ChatML template and random\nweights. A small "
      "model "
      "learns lists of a small catalog; for more, start from a pretrained one.\n"
      "Examples:\n"
      "  convrec new-model --out models/mine --config run.yaml --hidden-size 256\n"
      "  convrec new-model --out models/mine --catalog films.jsonl --rows train.jsonl");
  verb->callback([arguments, action] {
    *action = [arguments] {
      const absl::Status status = NewModel(*arguments);
      return status.ok() ? base::kExitOk : Fail(status);
    };
  });
}

}  // namespace convrec::cli
