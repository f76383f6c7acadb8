// The command-line arguments that say which model runs and on what.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/engine/decoder_engine.h"
#include "libs/text_model/model_text.h"
#include "libs/tokenizer/tokenizer.h"

namespace CLI {
class App;
}

namespace convrec::text_model {

struct ModelArguments {
  std::string directory;
  std::string device = "cpu";
  std::string compute = "auto";      // "auto", "float32" or "bfloat16".
  std::string chat_format = "auto";  // "auto", "chatml", "llama3" or "plain".
  std::string catalog;               // "" = none.
  std::string template_arguments;    // A JSON object, as in ChatTemplate::Options.
  int threads = 0;                   // 0 = all cores.
  int kv_cache_mib = 1024;
};

// Adds --model, --catalog, --chat-format, --template-arguments, --device, --compute, --threads and
// --kv-cache-mib.
void AddModelArguments(CLI::App* app, ModelArguments* arguments);

// A raw text leaves convrec.json out of account.
absl::StatusOr<std::unique_ptr<const ModelText>> LoadText(const ModelArguments& arguments,
                                                          bool is_raw);

// An engine with the directory's weights that runs up to `max_rows` sequences at a time. Sets the
// threads of the process: call once, before any other tensor operation.
absl::StatusOr<std::unique_ptr<engine::DecoderEngine>> MakeEngine(
    const ModelArguments& arguments, const tokenizer::Tokenizer& tokenizer, int max_rows);

}  // namespace convrec::text_model
