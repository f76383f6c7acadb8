#include "services/learner/loop/run_state.h"

#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"

namespace convrec::learner {

std::string ToJson(const RunState& state) {
  nlohmann::ordered_json json;
  json["stage"] = state.in_rl ? "rl" : "sft";
  json["sft_step"] = state.sft_step;
  json["rl_step"] = state.rl_step;
  if (!state.base_digest.empty()) json["base_digest"] = state.base_digest;
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

absl::StatusOr<domain::RunEpoch> NextRunEpoch(const std::string& run_dir) {
  const std::string path = base::JoinPath(run_dir, "epoch");
  domain::RunEpoch epoch;
  if (base::FileExists(path)) {
    CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
    if (!absl::SimpleAtoi(absl::StripSuffix(text, "\n"), &epoch.value)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expected the number of starts, found \"", text, "\""));
    }
  }
  ++epoch.value;
  CR_RETURN_IF_ERROR(base::WriteFileAtomically(path, absl::StrCat(epoch.value, "\n")));
  return epoch;
}

}  // namespace convrec::learner
