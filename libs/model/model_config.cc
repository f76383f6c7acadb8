#include "libs/model/model_config.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"

namespace convrec::model {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxCount = int64_t{1} << 31;

// Reads fields of one JSON object and remembers the first fault, so that a reader is a plain list
// of fields.
class Fields {
 public:
  Fields(const Json& object, std::string context) : object_(object), context_(std::move(context)) {}

  bool Has(const char* key) const {
    const auto it = object_.find(key);
    return it != object_.end() && !it->is_null();
  }

  const Json* Object(const char* key) {
    if (!Has(key)) return nullptr;
    if (object_[key].is_object()) return &object_[key];
    Fail(key, "a JSON object");
    return nullptr;
  }

  // A whole number in [low, high]; `fallback` when the field is absent or null, an error when
  // there is none.
  int64_t Count(const char* key,
                int64_t low,
                int64_t high,
                std::optional<int64_t> fallback = std::nullopt) {
    const std::string expected = absl::StrCat("a whole number from ", low, " to ", high);
    if (!Has(key)) return Missing(key, expected, fallback);
    const Json& value = object_[key];
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(high)) ||
        value.get<int64_t>() < low || value.get<int64_t>() > high) {
      Fail(key, expected);
      return low;
    }
    return value.get<int64_t>();
  }

  double Positive(const char* key, std::optional<double> fallback) {
    if (!Has(key)) return Missing(key, "a positive number", fallback);
    const Json& value = object_[key];
    if (!value.is_number() || !(value.get<double>() > 0.0) || value.get<double>() > 1e300) {
      Fail(key, "a positive number");
      return 1.0;
    }
    return value.get<double>();
  }

  bool Flag(const char* key, bool fallback) {
    if (!Has(key)) return fallback;
    if (!object_[key].is_boolean()) Fail(key, "true or false");
    return object_[key].is_boolean() ? object_[key].get<bool>() : fallback;
  }

  std::string OneOf(const char* key,
                    const std::vector<std::string>& choices,
                    std::optional<std::string> fallback = std::nullopt) {
    const std::string expected = absl::StrCat("one of ", absl::StrJoin(choices, ", "));
    if (!Has(key)) return Missing(key, expected, std::move(fallback));
    const Json& value = object_[key];
    if (!value.is_string() ||
        std::find(choices.begin(), choices.end(), value.get<std::string>()) == choices.end()) {
      Fail(key, expected);
      return "";
    }
    return value.get<std::string>();
  }

  void Fail(const char* key, const std::string& expected) {
    if (!status_.ok()) return;
    const std::string found =
        Has(key) ? Shorten(object_[key].dump(-1, ' ', true, Json::error_handler_t::replace))
                 : "absent";
    status_ = absl::InvalidArgumentError(
        absl::StrCat(context_, ": field \"", key, "\" is ", found, ", expected ", expected));
  }

  const absl::Status& status() const { return status_; }

 private:
  template <typename T>
  T Missing(const char* key, const std::string& expected, std::optional<T> fallback) {
    if (!fallback.has_value()) Fail(key, expected);
    return fallback.value_or(T{});
  }

  static std::string Shorten(std::string text) {
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return text;
  }

  const Json& object_;
  const std::string context_;
  absl::Status status_;
};

// The rotary fields stand in "rope_scaling" (transformers 4) or "rope_parameters" (transformers 5).
void ReadRope(const Json& root,
              const std::string& path,
              Fields* fields,
              ModelConfig* config,
              absl::Status* status) {
  config->rope_theta = fields->Positive("rope_theta", 10000.0);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (fields->Object(key) == nullptr) continue;
    Fields rope(root[key], absl::StrCat(path, ": ", key));
    config->rope_theta = rope.Positive("rope_theta", config->rope_theta);
    const char* type_key = rope.Has("rope_type") ? "rope_type" : "type";
    const std::string type = rope.OneOf(type_key, {"default", "linear", "llama3"}, "default");
    if (type == "linear") config->rope_linear_factor = rope.Positive("factor", std::nullopt);
    if (type == "llama3") {
      Llama3RopeScaling scaling;
      scaling.factor = rope.Positive("factor", std::nullopt);
      scaling.low_freq_factor = rope.Positive("low_freq_factor", std::nullopt);
      scaling.high_freq_factor = rope.Positive("high_freq_factor", std::nullopt);
      scaling.original_max_position_embeddings =
          rope.Count("original_max_position_embeddings", 1, kMaxCount);
      if (rope.status().ok() && scaling.high_freq_factor <= scaling.low_freq_factor) {
        rope.Fail("high_freq_factor", "a number above low_freq_factor");
      }
      config->rope_scaling = scaling;
    }
    if (status->ok()) *status = rope.status();
  }
}

// A window that never acts is fine: transformers writes one into every Qwen2 config.
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

absl::Status ReadFields(const Json& root, const std::string& path, ModelConfig* config) {
  Fields fields(root, path);
  config->model_type = fields.OneOf("model_type", {"llama", "qwen2", "qwen3"});
  CR_RETURN_IF_ERROR(fields.status());
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
  RefuseWindows(root, &fields);
  absl::Status rope_status;
  ReadRope(root, path, &fields, config, &rope_status);
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
  const Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expected a JSON object that describes a model"));
  }
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
  if (config.rope_scaling.has_value()) {
    json["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", config.rope_scaling->factor},
                            {"low_freq_factor", config.rope_scaling->low_freq_factor},
                            {"high_freq_factor", config.rope_scaling->high_freq_factor},
                            {"original_max_position_embeddings",
                             config.rope_scaling->original_max_position_embeddings}};
  } else if (config.rope_linear_factor != 1.0) {
    json["rope_scaling"] = {{"rope_type", "linear"}, {"factor", config.rope_linear_factor}};
  } else {
    json["rope_scaling"] = nullptr;
  }
  json["tie_word_embeddings"] = config.tie_word_embeddings;
  if (config.model_type != "qwen2") json["attention_bias"] = config.attention_bias;
  if (is_llama) json["mlp_bias"] = config.mlp_bias;
  if (!is_llama) json["use_sliding_window"] = false;
  json["attention_dropout"] = 0.0;
  json["initializer_range"] = config.initializer_range;
  json["use_cache"] = true;
  json["torch_dtype"] = torch_dtype;
  return json.dump(2) + "\n";
}

}  // namespace convrec::model
