#include "services/learner/loop/run_state.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"

namespace convrec::learner {

std::string ToJson(const RunState& state) {
  nlohmann::ordered_json json;
  json["stage"] = state.in_rl ? "rl" : "sft";
  json["sft_step"] = state.sft_step;
  json["rl_step"] = state.rl_step;
  if (!state.base_digest.empty()) json["base_digest"] = state.base_digest;
  json["start"] = state.start;
  json["inputs"] = nlohmann::ordered_json::parse(ToJson(state.inputs));
  json["feed_cursor"] = state.ledger.feed_cursor;
  json["untrained"] = nlohmann::ordered_json::array();
  for (const domain::GroupId group : state.ledger.untrained)
    json["untrained"].push_back({group.pass, group.prompt});
  return json.dump();
}

absl::StatusOr<RunState> RunStateFromJson(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("run state: expected a JSON object");
  RunState state;
  const auto read = [&json](const char* key, int64_t* value) -> absl::Status {
    const auto it = json.find(key);
    if (it == json.end() || !it->is_number_integer() || it->get<int64_t>() < 0) {
      return absl::InvalidArgumentError(absl::StrCat("run state: \"", key, "\" is not a count"));
    }
    *value = it->get<int64_t>();
    return absl::OkStatus();
  };
  const auto stage = json.find("stage");
  if (stage == json.end() || (*stage != "sft" && *stage != "rl")) {
    return absl::InvalidArgumentError("run state: \"stage\" is neither \"sft\" nor \"rl\"");
  }
  state.in_rl = *stage == "rl";
  CR_RETURN_IF_ERROR(read("sft_step", &state.sft_step));
  CR_RETURN_IF_ERROR(read("rl_step", &state.rl_step));
  CR_RETURN_IF_ERROR(read("feed_cursor", &state.ledger.feed_cursor));
  if (const auto digest = json.find("base_digest"); digest != json.end()) {
    if (!digest->is_string())
      return absl::InvalidArgumentError("run state: \"base_digest\" is no text");
    state.base_digest = digest->get<std::string>();
  }
  if (json.contains("start")) CR_RETURN_IF_ERROR(read("start", &state.start));
  if (const auto inputs = json.find("inputs"); inputs != json.end()) {
    auto digests = InputDigestsFromJson(inputs->dump());
    if (!digests.ok()) return base::Annotate(digests.status(), "run state");
    state.inputs = *std::move(digests);
  }
  const auto untrained = json.find("untrained");
  if (untrained == json.end() || !untrained->is_array()) {
    return absl::InvalidArgumentError("run state: \"untrained\" is not a list");
  }
  for (const nlohmann::json& group : *untrained) {
    if (!group.is_array() || group.size() != 2 || !group[0].is_number_integer() ||
        !group[1].is_number_integer()) {
      return absl::InvalidArgumentError(
          "run state: \"untrained\" holds something else than [pass, prompt]");
    }
    state.ledger.untrained.push_back(
        {.pass = group[0].get<int64_t>(), .prompt = group[1].get<int64_t>()});
  }
  return state;
}

}  // namespace convrec::learner
