#include "libs/model/model_config.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/json/json_object.h"
#include "libs/model/quantized.h"

namespace convrec::model {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxCount = int64_t{1} << 31;

// Reads fields of one JSON object and remembers the first error, so that a reader is a plain list
// of fields.
class Fields {
 public:
  explicit Fields(json::JsonObject object) : object_(std::move(object)) {}

  bool Has(const char* key) const { return object_.Has(key); }

  std::optional<Fields> Object(const char* key) {
    if (!Has(key)) return std::nullopt;
    absl::StatusOr<json::JsonObject> object = object_.Object(key);
    if (object.ok()) return Fields(*std::move(object));
    Keep(object.status());
    return std::nullopt;
  }

  // A whole number in [low, high]; `fallback` when the field is absent or null, an error when
  // there is none.
  int64_t Count(const char* key,
                int64_t low,
                int64_t high,
                std::optional<int64_t> fallback = std::nullopt) {
    return ValueOf(object_.Integer(key, low, high, fallback), low);
  }

  double Positive(const char* key, std::optional<double> fallback) {
    const absl::StatusOr<double> value = object_.Number(key, fallback);
    if (value.ok() && *value > 0.0 && *value <= 1e300) return *value;
    Fail(key, "a positive number");
    return 1.0;
  }

  bool Flag(const char* key, bool fallback) {
    return ValueOf(object_.Bool(key, fallback), fallback);
  }

  // One token id or a list of them; none when the field is absent or null.
  std::vector<int64_t> Ids(const char* key) {
    std::vector<int64_t> ids;
    if (!Has(key)) return ids;
    const Json& value = *object_.Find(key);
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& element : list) {
      int64_t id = 0;
      if (json::ReadInteger(element, 0, kMaxCount - 1, &id)) {
        ids.push_back(id);
      } else {
        Fail(key, "a token id or a list of token ids");
      }
    }
    return ids;
  }

  // Values that are not token ids count as none; some files have -1 there.
  std::optional<int64_t> Id(const char* key) const {
    int64_t id = 0;
    if (!Has(key) || !json::ReadInteger(*object_.Find(key), 0, kMaxCount - 1, &id))
      return std::nullopt;
    return id;
  }

  std::string OneOf(const char* key,
                    const std::vector<std::string>& choices,
                    std::optional<std::string> fallback = std::nullopt) {
    return ValueOf(object_.OneOf(key, choices, std::move(fallback)), std::string());
  }

  void Fail(const char* key, const std::string& expected) { Keep(object_.Expected(key, expected)); }

  const absl::Status& status() const { return status_; }

 private:
  void Keep(const absl::Status& fault) {
    if (status_.ok()) status_ = fault;
  }
  template <typename T>
  T ValueOf(absl::StatusOr<T> value, T otherwise) {
    if (value.ok()) return *std::move(value);
    Keep(value.status());
    return otherwise;
  }

  json::JsonObject object_;
  absl::Status status_;
};

LinearRopeScaling ReadLinearRope(Fields* rope) {
  return {.factor = rope->Positive("factor", std::nullopt)};
}

Llama3RopeScaling ReadLlama3Rope(Fields* rope, const ModelConfig& config) {
  Llama3RopeScaling scaling;
  scaling.factor = rope->Positive("factor", std::nullopt);
  scaling.low_freq_factor = rope->Positive("low_freq_factor", std::nullopt);
  scaling.high_freq_factor = rope->Positive("high_freq_factor", std::nullopt);
  scaling.original_max_position_embeddings =
      rope->Count("original_max_position_embeddings", 1, kMaxCount, config.max_position_embeddings);
  if (rope->status().ok() && scaling.high_freq_factor <= scaling.low_freq_factor) {
    rope->Fail("high_freq_factor", "a number above low_freq_factor");
  }
  return scaling;
}

YarnRopeScaling ReadYarnRope(Fields* rope, const ModelConfig& config) {
  YarnRopeScaling scaling;
  scaling.original_max_position_embeddings =
      rope->Count("original_max_position_embeddings", 1, kMaxCount, config.max_position_embeddings);
  scaling.factor =
      rope->Positive("factor",
                     static_cast<double>(config.max_position_embeddings) /
                         static_cast<double>(scaling.original_max_position_embeddings));
  scaling.beta_fast = rope->Positive("beta_fast", scaling.beta_fast);
  scaling.beta_slow = rope->Positive("beta_slow", scaling.beta_slow);
  scaling.truncate = rope->Flag("truncate", true);
  const auto optional = [rope](const char* key) -> std::optional<double> {
    if (!rope->Has(key)) return std::nullopt;
    return rope->Positive(key, std::nullopt);
  };
  scaling.attention_factor = optional("attention_factor");
  scaling.mscale = optional("mscale");
  scaling.mscale_all_dim = optional("mscale_all_dim");
  if (rope->status().ok() && scaling.beta_fast < scaling.beta_slow) {
    rope->Fail("beta_fast", "a number of at least beta_slow");
  }
  return scaling;
}

// The rotary fields are in "rope_scaling" (transformers 4) or "rope_parameters" (transformers 5).
void ReadRope(Fields* fields, ModelConfig* config, absl::Status* status) {
  const auto refuse_partial = [](Fields* where) {
    if (where->Positive("partial_rotary_factor", 1.0) != 1.0)
      where->Fail("partial_rotary_factor", "1 (heads that turn in part are not computed)");
  };
  config->rope_theta = fields->Positive("rope_theta", 10000.0);
  refuse_partial(fields);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    std::optional<Fields> rope = fields->Object(key);
    if (!rope) continue;
    config->rope_theta = rope->Positive("rope_theta", config->rope_theta);
    refuse_partial(&*rope);
    const char* type_key = rope->Has("rope_type") ? "rope_type" : "type";
    const std::string type =
        rope->OneOf(type_key, {"default", "linear", "dynamic", "llama3", "yarn"}, "default");
    if (type == "linear") config->rope_scaling = ReadLinearRope(&*rope);
    if (type == "dynamic")
      config->rope_scaling = DynamicRopeScaling{rope->Positive("factor", std::nullopt)};
    if (type == "llama3") config->rope_scaling = ReadLlama3Rope(&*rope, *config);
    if (type == "yarn") config->rope_scaling = ReadYarnRope(&*rope, *config);
    if (status->ok()) *status = rope->status();
  }
}

// The "rope_scaling" of a config.json.
nlohmann::ordered_json RopeJson(const RopeScaling& scaling) {
  if (const auto* linear = std::get_if<LinearRopeScaling>(&scaling))
    return {{"rope_type", "linear"}, {"factor", linear->factor}};
  if (const auto* dynamic = std::get_if<DynamicRopeScaling>(&scaling))
    return {{"rope_type", "dynamic"}, {"factor", dynamic->factor}};
  if (const auto* llama3 = std::get_if<Llama3RopeScaling>(&scaling)) {
    return {{"rope_type", "llama3"},
            {"factor", llama3->factor},
            {"low_freq_factor", llama3->low_freq_factor},
            {"high_freq_factor", llama3->high_freq_factor},
            {"original_max_position_embeddings", llama3->original_max_position_embeddings}};
  }
  const auto* yarn = std::get_if<YarnRopeScaling>(&scaling);
  if (yarn == nullptr) return nullptr;
  nlohmann::ordered_json json = {
      {"rope_type", "yarn"},
      {"factor", yarn->factor},
      {"original_max_position_embeddings", yarn->original_max_position_embeddings},
      {"beta_fast", yarn->beta_fast},
      {"beta_slow", yarn->beta_slow},
      {"truncate", yarn->truncate}};
  const auto add = [&json](const char* key, std::optional<double> value) {
    if (value.has_value()) json[key] = *value;
  };
  add("attention_factor", yarn->attention_factor);
  add("mscale", yarn->mscale);
  add("mscale_all_dim", yarn->mscale_all_dim);
  return json;
}

// A window that never takes effect is accepted, because transformers writes one into every Qwen2
// config.
void RefuseWindows(const Json& root, Fields* fields) {
  if (fields->Flag("use_sliding_window", false)) {
    fields->Fail("use_sliding_window", "false (sliding windows are not computed)");
  }
  if (!fields->Has("layer_types")) return;
  const Json& types = root["layer_types"];
  for (const Json& type : types) {
    if (!type.is_string() || type.get<std::string>() != "full_attention") {
      fields->Fail("layer_types", "a list of \"full_attention\" only");
      return;
    }
  }
}

absl::Status CheckQuantization(const Json& root, const std::string& path) {
  const auto found = root.find("quantization_config");
  if (found == root.end() || !found->is_object()) return absl::OkStatus();
  const auto method = found->find("quant_method");
  const bool is_named = method != found->end() && method->is_string();
  return absl::InvalidArgumentError(
      absl::StrCat(path,
                   ": by field \"quantization_config\" ",
                   QuantizedRefusal(is_named ? method->get<std::string>() : "an unnamed method")));
}

absl::Status ReadFields(const Json& root, const std::string& path, ModelConfig* config) {
  Fields fields(json::JsonObject(&root, path));
  config->model_type = fields.OneOf("model_type", {"llama", "qwen2", "qwen3"});
  CR_RETURN_IF_ERROR(fields.status());
  CR_RETURN_IF_ERROR(CheckQuantization(root, path));
  const bool is_llama = config->model_type == "llama";
  fields.OneOf("hidden_act", {"silu"}, "silu");
  config->vocab_size = fields.Count("vocab_size", 1, kMaxCount);
  config->hidden_size = fields.Count("hidden_size", 1, 1 << 20);
  config->intermediate_size = fields.Count("intermediate_size", 1, 1 << 22);
  config->num_layers = fields.Count("num_hidden_layers", 1, 1 << 12);
  config->num_heads = fields.Count("num_attention_heads", 1, 1 << 14);
  CR_RETURN_IF_ERROR(fields.status());
  config->num_kv_heads =
      fields.Count("num_key_value_heads", 1, config->num_heads, config->num_heads);
  config->head_dim = fields.Count("head_dim", 2, 1 << 14, config->hidden_size / config->num_heads);
  config->max_position_embeddings =
      fields.Count("max_position_embeddings", 1, kMaxCount, is_llama ? 2048 : 32768);
  config->rms_norm_eps = fields.Positive("rms_norm_eps", 1e-6);
  config->initializer_range = fields.Positive("initializer_range", 0.02);
  config->tie_word_embeddings = fields.Flag("tie_word_embeddings", false);
  const bool has_bias = fields.Flag("attention_bias", false);
  config->attention_bias = has_bias || config->model_type == "qwen2";
  config->output_bias = has_bias && config->model_type != "qwen2";
  config->mlp_bias = is_llama && fields.Flag("mlp_bias", false);
  config->qk_norm = config->model_type == "qwen3";
  config->bos_token_id = fields.Id("bos_token_id");
  config->eos_token_ids = fields.Ids("eos_token_id");
  config->pad_token_id = fields.Id("pad_token_id");
  RefuseWindows(root, &fields);
  absl::Status rope_status;
  ReadRope(&fields, config, &rope_status);
  CR_RETURN_IF_ERROR(fields.status());
  CR_RETURN_IF_ERROR(rope_status);
  if (config->num_heads % config->num_kv_heads != 0) {
    fields.Fail("num_key_value_heads",
                absl::StrCat("a divisor of num_attention_heads = ", config->num_heads));
  }
  if (config->head_dim % 2 != 0 || config->head_dim < 2) {
    fields.Fail("head_dim",
                absl::StrCat("an even number (it is hidden_size / num_attention_heads = ",
                             config->head_dim,
                             " when absent)"));
  }
  return fields.status();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadModelConfig(const std::string& path) {
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  return ParseModelConfig(text, path);
}

absl::StatusOr<ModelConfig> ParseModelConfig(const std::string& text, const std::string& name) {
  CR_ASSIGN_OR_RETURN(const Json root, json::ParseObject(text, name));
  ModelConfig config;
  CR_RETURN_IF_ERROR(ReadFields(root, name, &config));
  return config;
}

std::string ToConfigJson(const ModelConfig& config, const std::string& torch_dtype) {
  const bool is_llama = config.model_type == "llama";
  nlohmann::ordered_json json;
  json["architectures"] = {is_llama                       ? "LlamaForCausalLM"
                           : config.model_type == "qwen2" ? "Qwen2ForCausalLM"
                                                          : "Qwen3ForCausalLM"};
  json["model_type"] = config.model_type;
  json["vocab_size"] = config.vocab_size;
  json["hidden_size"] = config.hidden_size;
  json["intermediate_size"] = config.intermediate_size;
  json["num_hidden_layers"] = config.num_layers;
  json["num_attention_heads"] = config.num_heads;
  json["num_key_value_heads"] = config.num_kv_heads;
  json["head_dim"] = config.head_dim;
  json["hidden_act"] = "silu";
  json["max_position_embeddings"] = config.max_position_embeddings;
  json["rms_norm_eps"] = config.rms_norm_eps;
  json["rope_theta"] = config.rope_theta;
  json["rope_scaling"] = RopeJson(config.rope_scaling);
  json["tie_word_embeddings"] = config.tie_word_embeddings;
  if (config.model_type != "qwen2") json["attention_bias"] = config.attention_bias;
  if (is_llama) json["mlp_bias"] = config.mlp_bias;
  if (!is_llama) json["use_sliding_window"] = false;
  json["attention_dropout"] = 0.0;
  json["initializer_range"] = config.initializer_range;
  if (config.bos_token_id.has_value()) json["bos_token_id"] = *config.bos_token_id;
  if (config.eos_token_ids.size() == 1) json["eos_token_id"] = config.eos_token_ids[0];
  if (config.eos_token_ids.size() > 1) json["eos_token_id"] = config.eos_token_ids;
  if (config.pad_token_id.has_value()) json["pad_token_id"] = *config.pad_token_id;
  json["use_cache"] = true;
  json["torch_dtype"] = torch_dtype;
  return json.dump(2) + "\n";
}

}  // namespace convrec::model
