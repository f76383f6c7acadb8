#include "libs/text_model/model_arguments.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "libs/base/enum_names.h"
#include "libs/model/compute_threads.h"
#include "libs/tokenizer/chat_template.h"

namespace convrec::text_model {

void AddModelArguments(CLI::App* app, ModelArguments* arguments) {
  std::vector<std::string> formats = base::AllNames<tokenizer::ChatFormat>();
  formats.insert(formats.begin(), "auto");
  app->add_option("-m,--model",
                  arguments->directory,
                  "Hugging Face model directory: of a run (RUN_DIR/model), of `convrec import`, or "
                  "downloaded.")
      ->required()
      ->type_name("DIR");
  app->add_option("--catalog",
                  arguments->catalog,
                  "Catalog of the run: lists are held to it where the model was evaluated so.")
      ->type_name("FILE");
  app->add_option("--chat-format",
                  arguments->chat_format,
                  "How chats become prompts; auto = as the directory says.")
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
  app->add_option("--template-arguments,--chat-template-kwargs",
                  arguments->template_arguments,
                  "Variables of the chat template as a JSON object, as in "
                  "'{\"enable_thinking\": false}'; tools and documents are among them.")
      ->type_name("JSON");
  const char* const group = "Machine";
  app->add_option("--device", arguments->device, "Where the model runs, such as cpu or cuda:0.")
      ->capture_default_str()
      ->group(group);
  app->add_option("--compute",
                  arguments->compute,
                  "Number type of the products; auto is bfloat16 where the device computes it "
                  "natively.")
      ->check(CLI::IsMember(base::AllNames<engine::DecoderEngineOptions::ComputeType>()))
      ->capture_default_str()
      ->group(group);
  app->add_option("--threads", arguments->threads, "Threads of the products; 0 = all cores.")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app->add_option("--kv-cache-mib", arguments->kv_cache_mib, "Memory for keys and values, in MiB.")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(group);
}

absl::StatusOr<std::unique_ptr<const ModelText>> LoadText(const ModelArguments& arguments,
                                                          bool is_raw) {
  // The format is absent for "auto".
  return ModelText::Load(
      arguments.directory,
      {.chat = {.format = base::ParseName<tokenizer::ChatFormat>(arguments.chat_format),
                .arguments = arguments.template_arguments},
       .is_raw = is_raw});
}

absl::StatusOr<std::unique_ptr<engine::DecoderEngine>> MakeEngine(
    const ModelArguments& arguments, const tokenizer::Tokenizer& tokenizer, int max_rows) {
  model::SetComputeThreads(arguments.threads);
  engine::DecoderEngineOptions options;
  options.device = arguments.device;
  options.compute_type =
      *base::ParseName<engine::DecoderEngineOptions::ComputeType>(arguments.compute);
  options.max_rows = max_rows;
  options.kv_cache_bytes = int64_t{arguments.kv_cache_mib} << 20;
  options.stop_token_ids = tokenizer.stop_ids();
  return engine::MakeDecoderEngine(arguments.directory, /*load_weights=*/true, options);
}

}  // namespace convrec::text_model
