#include "tests/support/tiny_model.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/model/model_config.h"
#include "libs/model/parameter_table.h"
#include "libs/model/weight_files.h"
#include "tests/support/paths.h"

namespace convrec::testing {
namespace {

constexpr char kTemplate[] =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% endif %}";

model::ModelConfig TinyConfig() {
  model::ModelConfig config;
  config.vocab_size = 1024;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 8;
  config.max_position_embeddings = 256;
  return config;
}

}  // namespace

absl::Status WriteTinyModel(const std::string& directory) {
  const model::ModelConfig config = TinyConfig();
  std::vector<model::TensorSource> tensors;
  uint64_t stream = 0;
  for (const model::ParameterSpec& spec : model::ParameterTable(config)) {
    size_t size = 1;
    for (const int64_t extent : spec.shape) size *= static_cast<size_t>(extent);
    const bool is_norm = spec.kind == model::ParameterSpec::Kind::kNorm;
    tensors.push_back({spec.name, spec.shape, [=](float* values) {
                         base::RandomStream random(/*seed=*/5, stream);
                         for (size_t i = 0; i < size; ++i) {
                           values[i] = is_norm ? 1.0f : 0.3f * static_cast<float>(random.Normal());
                         }
                         return absl::OkStatus();
                       }});
    ++stream;
  }
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  CR_RETURN_IF_ERROR(model::WriteWeightFiles(directory, tensors, "F32"));
  CR_ASSIGN_OR_RETURN(const std::string tokenizer,
                      base::ReadFile(SourcePath("tests/golden/tokenizer/smollm2/tokenizer.json")));
  const nlohmann::json tokenizer_config = {
      {"bos_token", "<|im_start|>"}, {"eos_token", "<|im_end|>"}, {"chat_template", kTemplate}};
  const auto write = [&directory](const std::string& name, const std::string& content) {
    return base::WriteFileAtomically(base::JoinPath(directory, name), content);
  };
  CR_RETURN_IF_ERROR(write("config.json", model::ToConfigJson(config, "float32")));
  CR_RETURN_IF_ERROR(write("tokenizer.json", tokenizer));
  return write("tokenizer_config.json", tokenizer_config.dump());
}

}  // namespace convrec::testing
