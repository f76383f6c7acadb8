#include "libs/model/lora.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"

namespace convrec::model {
namespace {

using Json = nlohmann::json;

// The module of a parameter, as in "q_proj"; "" if it is not a matrix of a layer.
std::string ModuleOf(const ParameterSpec& spec) {
  if (spec.kind != ParameterSpec::Kind::kMatrix || !absl::StartsWith(spec.name, "model.layers."))
    return "";
  const std::string path(absl::StripSuffix(spec.name, ".weight"));
  return path.substr(path.rfind('.') + 1);
}

// Fields that change what an adapter computes, with their neutral values.
struct Neutral {
  const char* field;
  std::vector<Json> values;
};
const std::vector<Neutral>& NeutralFields() {
  static const std::vector<Neutral>* const fields = new std::vector<Neutral>{
      {"bias", {"none"}},
      {"fan_in_fan_out", {false}},
      {"use_rslora", {false}},
      {"use_dora", {false}},
      {"lora_bias", {false}},
      {"modules_to_save", {nullptr, Json::array()}},
      {"exclude_modules", {nullptr, Json::array()}},
      {"layers_to_transform", {nullptr, Json::array()}},
      {"layer_replication", {nullptr, Json::array()}},
      {"rank_pattern", {nullptr, Json::object()}},
      {"alpha_pattern", {nullptr, Json::object()}},
      {"trainable_token_indices", {nullptr, Json::array()}},
      {"target_parameters", {nullptr, Json::array()}},
  };
  return *fields;
}

}  // namespace

absl::Status CheckLora(const LoraConfig& lora, const ModelConfig& config) {
  if (!lora.is_on()) return absl::OkStatus();
  std::set<std::string> missing(lora.targets.begin(), lora.targets.end());
  if (missing.empty() || missing.size() != lora.targets.size()) {
    return absl::InvalidArgumentError(
        "an adapter has no targets or one twice, expected names of matrices, each once");
  }
  for (const ParameterSpec& spec : ParameterTable(config)) {
    const std::string module = ModuleOf(spec);
    missing.erase(module);
    const bool is_target =
        std::find(lora.targets.begin(), lora.targets.end(), module) != lora.targets.end();
    const int64_t most = is_target ? std::min(spec.shape[0], spec.shape[1]) : lora.rank;
    if (lora.rank > most) {
      return absl::InvalidArgumentError(absl::StrCat("an adapter of rank ",
                                                     lora.rank,
                                                     " does not fit ",
                                                     spec.name,
                                                     " [",
                                                     spec.shape[0],
                                                     ", ",
                                                     spec.shape[1],
                                                     "], expected at most ",
                                                     most));
    }
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("an adapter has the target \"",
                   *missing.begin(),
                   "\", expected q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj"));
}

PairNames AdapterNames(const std::string& parameter) {
  const std::string prefix =
      absl::StrCat("base_model.model.", std::string(absl::StripSuffix(parameter, ".weight")));
  return {prefix + ".lora_A.weight", prefix + ".lora_B.weight"};
}

std::vector<AdapterPair> AdapterTable(const ModelConfig& config, const LoraConfig& lora) {
  std::vector<AdapterPair> table;
  if (!lora.is_on()) return table;
  for (const ParameterSpec& spec : ParameterTable(config)) {
    if (std::find(lora.targets.begin(), lora.targets.end(), ModuleOf(spec)) == lora.targets.end())
      continue;
    const PairNames names = AdapterNames(spec.name);
    table.push_back(
        {spec.name, {names.a, {lora.rank, spec.shape[1]}}, {names.b, {spec.shape[0], lora.rank}}});
  }
  return table;
}

int64_t NumAdapterParameters(const ModelConfig& config, const LoraConfig& lora) {
  int64_t total = 0;
  for (const AdapterPair& pair : AdapterTable(config, lora))
    total += lora.rank * (pair.a.shape[1] + pair.b.shape[0]);
  return total;
}

std::string ToAdapterConfigJson(const LoraConfig& lora, const std::string& base) {
  nlohmann::ordered_json json;
  json["peft_type"] = "LORA";
  json["task_type"] = "CAUSAL_LM";
  json["base_model_name_or_path"] = base;
  json["inference_mode"] = true;
  json["r"] = lora.rank;
  json["lora_alpha"] = lora.alpha;
  json["lora_dropout"] = 0.0;
  json["target_modules"] = lora.targets;
  json["bias"] = "none";
  json["fan_in_fan_out"] = false;
  json["init_lora_weights"] = true;
  json["modules_to_save"] = nullptr;
  json["use_rslora"] = false;
  json["use_dora"] = false;
  return json.dump(2) + "\n";
}

absl::StatusOr<LoraConfig> ReadAdapterConfig(const std::string& directory) {
  const std::string path = base::JoinPath(directory, kAdapterConfigFile);
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  const Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto fail = [&path](const std::string& field, const std::string& expected) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": \"", field, "\" is not as expected: ", expected));
  };
  if (!root.is_object() || root.value("peft_type", Json()) != "LORA")
    return fail("peft_type", "\"LORA\"");
  for (const auto& [field, values] : NeutralFields()) {
    if (!root.contains(field)) continue;
    if (std::find(values.begin(), values.end(), root[field]) == values.end())
      return fail(field, absl::StrCat(values[0].dump(), ", other adapters are not computed"));
  }
  LoraConfig lora;
  const Json rank = root.value("r", Json()), alpha = root.value("lora_alpha", Json()),
             targets = root.value("target_modules", Json());
  if (!rank.is_number_integer() || rank.get<int64_t>() < 1) return fail("r", "at least 1");
  if (!alpha.is_number()) return fail("lora_alpha", "a number");
  if (!targets.is_array()) return fail("target_modules", "a list of modules");
  lora.rank = rank.get<int64_t>();
  lora.alpha = alpha.get<double>();
  for (const Json& target : targets) {
    if (!target.is_string()) return fail("target_modules", "a list of modules");
    lora.targets.push_back(target.get<std::string>());
  }
  // It was written as a set, in any order.
  std::sort(lora.targets.begin(), lora.targets.end());
  return lora;
}

}  // namespace convrec::model
