#include "libs/model/import.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/model/gguf.h"
#include "libs/model/model_config.h"
#include "libs/model/parameter_table.h"
#include "libs/model/weight_files.h"
#include "libs/tokenizer/tokenizer_writer.h"

namespace convrec::model {
namespace {

constexpr char kRopeFactors[] = "rope_freqs.weight";

absl::Status Refuse(const GgufFile& file, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", what));
}

const GgufTensor* FindTensor(const GgufFile& file, const std::string& name) {
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

// "model.layers.3.mlp.up_proj.weight" -> "blk.3.ffn_up.weight".
std::string GgufName(const std::string& parameter) {
  static constexpr std::pair<const char*, const char*> kModules[] = {
      {"model.embed_tokens.", "token_embd."},
      {"model.norm.", "output_norm."},
      {"lm_head.", "output."},
      {"input_layernorm.", "attn_norm."},
      {"post_attention_layernorm.", "ffn_norm."},
      {"self_attn.q_proj.", "attn_q."},
      {"self_attn.k_proj.", "attn_k."},
      {"self_attn.v_proj.", "attn_v."},
      {"self_attn.o_proj.", "attn_output."},
      {"self_attn.q_norm.", "attn_q_norm."},
      {"self_attn.k_norm.", "attn_k_norm."},
      {"mlp.gate_proj.", "ffn_gate."},
      {"mlp.up_proj.", "ffn_up."},
      {"mlp.down_proj.", "ffn_down."},
  };
  constexpr absl::string_view kLayers = "model.layers.";
  std::string prefix;
  std::string rest = parameter;
  if (absl::StartsWith(parameter, kLayers)) {
    const size_t dot = parameter.find('.', kLayers.size());
    prefix = absl::StrCat("blk.", parameter.substr(kLayers.size(), dot - kLayers.size()), ".");
    rest = parameter.substr(dot + 1);
  }
  for (const auto& [module, gguf_module] : kModules) {
    if (absl::StartsWith(rest, module))
      return absl::StrCat(prefix, gguf_module, rest.substr(std::string(module).size()));
  }
  return parameter;
}

// Factors that Llama 3 files hold instead of the numbers they are derived from.
std::vector<double> Llama3Factors(const ModelConfig& config, const Llama3RopeScaling& scaling) {
  std::vector<double> factors;
  const double context = static_cast<double>(scaling.original_max_position_embeddings);
  for (int64_t i = 0; i < config.head_dim; i += 2) {
    const double frequency =
        std::pow(config.rope_theta, -static_cast<double>(i) / static_cast<double>(config.head_dim));
    const double turns = context * frequency / (2 * std::numbers::pi);
    const double smooth = std::clamp(
        (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor),
        0.0,
        1.0);
    factors.push_back(1.0 / ((1.0 - smooth) / scaling.factor + smooth));
  }
  return factors;
}

// The scaling whose factors the file holds. The largest one is `factor`; the context is one of the
// powers of two that models were trained with.
absl::StatusOr<Llama3RopeScaling> RecoverScaling(const GgufFile& file,
                                                 const GgufTensor& tensor,
                                                 const ModelConfig& config) {
  if (tensor.shape != std::vector<int64_t>{config.head_dim / 2}) {
    return Refuse(file,
                  absl::StrCat("tensor ",
                               kRopeFactors,
                               " has shape [",
                               absl::StrJoin(tensor.shape, ", "),
                               "], expected [",
                               config.head_dim / 2,
                               "]"));
  }
  std::vector<float> found(static_cast<size_t>(config.head_dim / 2));
  DequantizeRow(tensor, 0, found.data());
  Llama3RopeScaling scaling;
  scaling.factor = *std::max_element(found.begin(), found.end());
  for (int64_t context = 1; context <= (int64_t{1} << 24); context *= 2) {
    scaling.original_max_position_embeddings = context;
    const std::vector<double> expected = Llama3Factors(config, scaling);
    const auto is_near = [](double a, float b) {
      return std::abs(a - static_cast<double>(b)) <= 1e-4 * a;
    };
    if (std::equal(expected.begin(), expected.end(), found.begin(), is_near)) return scaling;
  }
  return Refuse(file,
                absl::StrCat("tensor ", kRopeFactors, " does not hold Llama 3 frequency factors"));
}

// The shortest decimal that reads as the same float32: files store 1e-5 as 9.99999974e-06.
double ShortestDecimal(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), static_cast<float>(value));
  double result = value;
  std::from_chars(digits, end.ptr, result);
  return static_cast<float>(result) == static_cast<float>(value) ? result : value;
}

absl::Status ReadRopeScaling(const GgufFile& file, const std::string& prefix, ModelConfig* config) {
  CR_ASSIGN_OR_RETURN(const std::string type, file.Text(prefix + "type", "none"));
  if (type == "none") return absl::OkStatus();
  if (type == "linear") {
    CR_ASSIGN_OR_RETURN(const double factor, file.Real(prefix + "factor"));
    config->rope_scaling = LinearRopeScaling{factor};
    return absl::OkStatus();
  }
  if (type != "yarn") {
    return Refuse(
        file,
        absl::StrCat(
            "metadata key \"", prefix, "type\" is \"", type, "\", expected none, linear or yarn"));
  }
  for (const char* key :
       {"attn_factor", "yarn_attn_factor", "yarn_log_multiplier", "yarn_ext_factor", "alpha"}) {
    if (!file.Has(prefix + key)) continue;
    return Refuse(file, absl::StrCat("metadata key \"", prefix, key, "\" is set, expected none"));
  }
  YarnRopeScaling yarn;
  CR_ASSIGN_OR_RETURN(yarn.factor, file.Real(prefix + "factor"));
  CR_ASSIGN_OR_RETURN(yarn.original_max_position_embeddings,
                      file.Integer(prefix + "original_context_length"));
  CR_ASSIGN_OR_RETURN(yarn.beta_fast, file.Real(prefix + "yarn_beta_fast", yarn.beta_fast));
  CR_ASSIGN_OR_RETURN(yarn.beta_slow, file.Real(prefix + "yarn_beta_slow", yarn.beta_slow));
  config->rope_scaling = yarn;
  return absl::OkStatus();
}

absl::Status ReadRope(const GgufFile& file, const std::string& prefix, ModelConfig* config) {
  CR_ASSIGN_OR_RETURN(config->rope_theta, file.Real(prefix + "rope.freq_base", 10000.0));
  CR_ASSIGN_OR_RETURN(const int64_t rotated,
                      file.Integer(prefix + "rope.dimension_count", config->head_dim));
  if (rotated != config->head_dim) {
    return Refuse(file,
                  absl::StrCat("metadata key \"",
                               prefix,
                               "rope.dimension_count\" is ",
                               rotated,
                               ", expected the head width ",
                               config->head_dim));
  }
  CR_RETURN_IF_ERROR(ReadRopeScaling(file, prefix + "rope.scaling.", config));
  const GgufTensor* factors = FindTensor(file, kRopeFactors);
  if (factors != nullptr) {
    CR_ASSIGN_OR_RETURN(config->rope_scaling, RecoverScaling(file, *factors, *config));
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelConfig> ReadConfig(const GgufFile& file) {
  ModelConfig config;
  CR_ASSIGN_OR_RETURN(const std::string kind, file.Text("general.type", "model"));
  if (kind != "model")
    return Refuse(file,
                  absl::StrCat("this is a GGUF file of kind \"", kind, "\", expected a model"));
  CR_ASSIGN_OR_RETURN(config.model_type, file.Text("general.architecture"));
  if (config.model_type != "llama" && config.model_type != "qwen2" &&
      config.model_type != "qwen3") {
    return Refuse(file,
                  absl::StrCat("metadata key \"general.architecture\" is \"",
                               config.model_type,
                               "\", expected llama, qwen2 or qwen3"));
  }
  const std::string prefix = config.model_type + ".";
  for (const char* key : {"expert_count", "attention.sliding_window"}) {
    CR_ASSIGN_OR_RETURN(const int64_t value, file.Integer(prefix + key, 0));
    if (value != 0)
      return Refuse(
          file, absl::StrCat("metadata key \"", prefix, key, "\" is ", value, ", expected none"));
  }
  const GgufTensor* embedding = FindTensor(file, "token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2)
    return Refuse(file, "tensor token_embd.weight is missing or no matrix");
  config.vocab_size = embedding->shape[0];
  CR_ASSIGN_OR_RETURN(config.hidden_size, file.Integer(prefix + "embedding_length"));
  CR_ASSIGN_OR_RETURN(config.intermediate_size, file.Integer(prefix + "feed_forward_length"));
  CR_ASSIGN_OR_RETURN(config.num_layers, file.Integer(prefix + "block_count"));
  CR_ASSIGN_OR_RETURN(config.num_heads, file.Integer(prefix + "attention.head_count"));
  CR_ASSIGN_OR_RETURN(config.num_kv_heads,
                      file.Integer(prefix + "attention.head_count_kv", config.num_heads));
  if (config.num_heads < 1)
    return Refuse(file, absl::StrCat("metadata key \"", prefix, "attention.head_count\" is 0"));
  CR_ASSIGN_OR_RETURN(
      config.head_dim,
      file.Integer(prefix + "attention.key_length", config.hidden_size / config.num_heads));
  CR_ASSIGN_OR_RETURN(const int64_t value_width,
                      file.Integer(prefix + "attention.value_length", config.head_dim));
  if (value_width != config.head_dim)
    return Refuse(
        file,
        absl::StrCat(
            "metadata key \"", prefix, "attention.value_length\" differs from the key length"));
  CR_ASSIGN_OR_RETURN(config.max_position_embeddings, file.Integer(prefix + "context_length"));
  CR_ASSIGN_OR_RETURN(config.rms_norm_eps, file.Real(prefix + "attention.layer_norm_rms_epsilon"));
  config.tie_word_embeddings = FindTensor(file, "output.weight") == nullptr;
  config.attention_bias =
      FindTensor(file, "blk.0.attn_q.bias") != nullptr || config.model_type == "qwen2";
  config.output_bias = config.attention_bias && config.model_type != "qwen2";
  config.mlp_bias =
      FindTensor(file, "blk.0.ffn_up.bias") != nullptr && config.model_type == "llama";
  config.qk_norm = config.model_type == "qwen3";
  config.rms_norm_eps = ShortestDecimal(config.rms_norm_eps);
  CR_RETURN_IF_ERROR(ReadRope(file, prefix, &config));
  // Refuses sizes out of range and whatever the decoder does not compute.
  return ParseModelConfig(ToConfigJson(config, ""), file.path());
}

// Files of the llama architecture interleave the rotary halves of each query and key head: row 2 i
// + j of a head there is row j * E / 2 + i here.
int64_t HeadRow(int64_t row, int64_t head_dim) {
  const int64_t in_head = row % head_dim;
  const int64_t half = head_dim / 2;
  return row - in_head + in_head % half * 2 + in_head / half;
}

bool IsInterleaved(const ModelConfig& config, const std::string& parameter) {
  return config.model_type == "llama" &&
         (absl::StrContains(parameter, ".q_proj.") || absl::StrContains(parameter, ".k_proj."));
}

TensorSource MakeSource(const ParameterSpec& spec,
                        const GgufTensor& tensor,
                        const ModelConfig& config) {
  const bool interleaved = IsInterleaved(config, spec.name);
  const int64_t head_dim = config.head_dim;
  const auto fill = [&tensor, interleaved, head_dim](float* out) {
    if (tensor.shape.size() == 1) {  // A vector is one row: its entries are what is reordered.
      DequantizeRow(tensor, 0, out);
      if (!interleaved) return absl::OkStatus();
      const std::vector<float> row(out, out + tensor.row_size());
      for (int64_t i = 0; i < tensor.row_size(); ++i)
        out[i] = row[static_cast<size_t>(HeadRow(i, head_dim))];
      return absl::OkStatus();
    }
    for (int64_t row = 0; row < tensor.num_rows(); ++row) {
      DequantizeRow(
          tensor, interleaved ? HeadRow(row, head_dim) : row, out + row * tensor.row_size());
    }
    return absl::OkStatus();
  };
  return {spec.name, spec.shape, fill};
}

absl::StatusOr<std::vector<TensorSource>> MapTensors(const GgufFile& file,
                                                     const ModelConfig& config) {
  std::map<std::string, const GgufTensor*> unused;
  for (const GgufTensor& tensor : file.tensors()) unused[tensor.name] = &tensor;
  std::vector<TensorSource> sources;
  for (const ParameterSpec& spec : ParameterTable(config)) {
    const std::string name = GgufName(spec.name);
    const auto it = unused.find(name);
    if (it == unused.end()) return Refuse(file, absl::StrCat("tensor ", name, " is missing"));
    if (it->second->shape != spec.shape) {
      return Refuse(file,
                    absl::StrCat("tensor ",
                                 name,
                                 " has shape [",
                                 absl::StrJoin(it->second->shape, ", "),
                                 "], expected [",
                                 absl::StrJoin(spec.shape, ", "),
                                 "]"));
    }
    sources.push_back(MakeSource(spec, *it->second, config));
    unused.erase(it);
  }
  unused.erase(kRopeFactors);  // Became rope_scaling.
  if (!unused.empty())
    return Refuse(
        file,
        absl::StrCat("tensor ", unused.begin()->first, " is no parameter of this architecture"));
  return sources;
}

absl::Status ReadId(const GgufFile& file, const char* name, std::optional<int32_t>* id) {
  const std::string key = absl::StrCat("tokenizer.ggml.", name);
  if (!file.Has(key)) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const int64_t value, file.Integer(key));
  if (value >= (int64_t{1} << 31))
    return Refuse(file, absl::StrCat("metadata key \"", key, "\" is no token id"));
  *id = static_cast<int32_t>(value);
  return absl::OkStatus();
}

// Reads what tokenizers of the SentencePiece kind have instead of merges, and ids that such files
// omit.
absl::Status ReadScores(const GgufFile& file, tokenizer::TokenizerSpec* spec) {
  CR_ASSIGN_OR_RETURN(const std::vector<double> scores, file.Reals("tokenizer.ggml.scores"));
  for (const double score : scores) spec->scores.push_back(static_cast<float>(score));
  CR_ASSIGN_OR_RETURN(spec->add_space_prefix, file.Flag("tokenizer.ggml.add_space_prefix", true));
  spec->unknown_id = 0;
  spec->bos_id = 1;
  spec->eos_id = 2;
  return absl::OkStatus();
}

absl::StatusOr<tokenizer::TokenizerSpec> ReadTokenizer(const GgufFile& file,
                                                       const ModelConfig& config) {
  CR_ASSIGN_OR_RETURN(const std::string kind, file.Text("tokenizer.ggml.model"));
  const bool is_sentencepiece = kind == "llama";
  if (kind != "gpt2" && !is_sentencepiece) {
    return Refuse(file,
                  absl::StrCat("metadata key \"tokenizer.ggml.model\" is \"",
                               kind,
                               "\", expected gpt2 (byte-level BPE) or llama (SentencePiece)"));
  }
  tokenizer::TokenizerSpec spec;
  CR_ASSIGN_OR_RETURN(spec.tokens, file.Texts("tokenizer.ggml.tokens"));
  if (static_cast<int64_t>(spec.tokens.size()) > config.vocab_size) {
    return Refuse(file,
                  absl::StrCat("metadata key \"tokenizer.ggml.tokens\" has ",
                               spec.tokens.size(),
                               " entries, expected at most the ",
                               config.vocab_size,
                               " rows of token_embd.weight"));
  }
  if (file.Has("tokenizer.ggml.token_type")) {
    CR_ASSIGN_OR_RETURN(const std::vector<int64_t> types,
                        file.Integers("tokenizer.ggml.token_type"));
    for (const int64_t type : types) {
      if (type < 1 || type > 6)
        return Refuse(
            file,
            absl::StrCat(
                "metadata key \"tokenizer.ggml.token_type\" holds ", type, ", expected 1 to 6"));
      spec.token_types.push_back(static_cast<tokenizer::TokenType>(type));
    }
  }
  if (is_sentencepiece) {
    CR_RETURN_IF_ERROR(ReadScores(file, &spec));
  } else {
    CR_ASSIGN_OR_RETURN(spec.merges, file.Texts("tokenizer.ggml.merges"));
    CR_ASSIGN_OR_RETURN(spec.pre_tokenizer, file.Text("tokenizer.ggml.pre", "default"));
  }
  CR_ASSIGN_OR_RETURN(spec.chat_template, file.Text("tokenizer.chat_template", ""));
  CR_RETURN_IF_ERROR(ReadId(file, "bos_token_id", &spec.bos_id));
  CR_RETURN_IF_ERROR(ReadId(file, "eos_token_id", &spec.eos_id));
  CR_RETURN_IF_ERROR(ReadId(file, "unknown_token_id", &spec.unknown_id));
  CR_RETURN_IF_ERROR(ReadId(file, "padding_token_id", &spec.padding_id));
  if (file.Has("tokenizer.ggml.add_bos_token")) {
    CR_ASSIGN_OR_RETURN(spec.add_bos_token, file.Flag("tokenizer.ggml.add_bos_token"));
  }
  return spec;
}

// Ids that end a turn: the end of sequence, the file's end of turn, and the control tokens that
// chat templates close a turn with.
absl::StatusOr<std::vector<int32_t>> StopIds(const GgufFile& file,
                                             const tokenizer::TokenizerSpec& spec) {
  std::vector<int32_t> ids;
  std::optional<int32_t> end_of_turn;
  CR_RETURN_IF_ERROR(ReadId(file, "eot_token_id", &end_of_turn));
  const auto add = [&ids](std::optional<int32_t> id) {
    if (id.has_value() && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
  };
  add(spec.eos_id);
  add(end_of_turn);
  for (size_t i = 0; i < spec.tokens.size(); ++i) {
    const bool closes_turn = spec.tokens[i] == "<|im_end|>" || spec.tokens[i] == "<|eot_id|>";
    if (closes_turn && absl::StrContains(spec.chat_template, spec.tokens[i]))
      add(static_cast<int32_t>(i));
  }
  return ids;
}

std::string GenerationConfigJson(const tokenizer::TokenizerSpec& spec,
                                 const std::vector<int32_t>& stop_ids) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (spec.bos_id.has_value()) json["bos_token_id"] = *spec.bos_id;
  if (stop_ids.size() == 1) json["eos_token_id"] = stop_ids[0];
  if (stop_ids.size() > 1) json["eos_token_id"] = stop_ids;
  if (spec.padding_id.has_value()) json["pad_token_id"] = *spec.padding_id;
  return json.dump(2) + "\n";
}

}  // namespace

absl::Status ImportGguf(const std::string& gguf_path,
                        const std::string& out_directory,
                        const std::string& dtype) {
  CR_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::Open(gguf_path));
  CR_ASSIGN_OR_RETURN(const ModelConfig config, ReadConfig(file));
  CR_ASSIGN_OR_RETURN(const std::vector<TensorSource> sources, MapTensors(file, config));
  CR_ASSIGN_OR_RETURN(const tokenizer::TokenizerSpec spec, ReadTokenizer(file, config));
  CR_ASSIGN_OR_RETURN(const std::vector<int32_t> stop_ids, StopIds(file, spec));
  CR_RETURN_IF_ERROR(base::MakeDirectories(out_directory));
  CR_RETURN_IF_ERROR(tokenizer::WriteTokenizerJson(spec, out_directory));
  CR_RETURN_IF_ERROR(
      base::WriteFileAtomically(base::JoinPath(out_directory, "generation_config.json"),
                                GenerationConfigJson(spec, stop_ids)));
  CR_RETURN_IF_ERROR(WriteWeightFiles(out_directory, sources, dtype));
  return base::WriteFileAtomically(base::JoinPath(out_directory, "config.json"),
                                   ToConfigJson(config, dtype == "BF16" ? "bfloat16" : "float32"));
}

}  // namespace convrec::model
