#include "libs/tokenizer/special_ids.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/json/json_object.h"
#include "libs/tokenizer/token_id.h"

namespace convrec::tokenizer {
namespace {

using json::JsonObject;
using Json = nlohmann::json;

// "bos_token": "<s>" or {"content": "<s>", ...}.
absl::StatusOr<std::optional<int32_t>> TokenField(
    const JsonObject& config,
    const std::string& key,
    const std::function<std::optional<int32_t>(const std::string&)>& id_of) {
  const Json* value = config.Find(key);
  if (value == nullptr) return std::optional<int32_t>();
  std::string content;
  if (value->is_object()) {
    CR_ASSIGN_OR_RETURN(const JsonObject token, config.Object(key));
    CR_ASSIGN_OR_RETURN(content, token.String("content"));
  } else {
    CR_ASSIGN_OR_RETURN(content, config.String(key));
  }
  const std::optional<int32_t> id = id_of(content);
  if (!id) return config.Error(key, absl::StrCat("is '", content, "', which tokenizer.json lacks"));
  return id;
}

// "eos_token_id": 2 or [2, 3]; empty if absent.
absl::StatusOr<std::vector<int32_t>> IdsField(const JsonObject& config,
                                              const std::string& key,
                                              int32_t vocab_size) {
  std::vector<int32_t> ids;
  const Json* value = config.Find(key);
  if (value == nullptr) return ids;
  const Json list = value->is_array() ? *value : Json::array({*value});
  for (const Json& element : list) {
    const std::optional<int32_t> id = AsId(element);
    if (!id) return config.Error(key, "must be a token id or an array of token ids");
    if (*id >= vocab_size) {
      return config.Error(
          key, absl::StrCat("is ", *id, ", but tokenizer.json has only ", vocab_size, " tokens"));
    }
    ids.push_back(*id);
  }
  return ids;
}

// A string, or a list of {"name", "template"} from which "default" and "tool_use" are used.
absl::Status ReadChatTemplates(const JsonObject& config, SpecialIds* ids) {
  const std::string key = "chat_template";
  const Json* value = config.Find(key);
  if (value == nullptr || !value->is_array()) {
    CR_ASSIGN_OR_RETURN(ids->chat_template, config.String(key, ""));
    return absl::OkStatus();
  }
  bool has_default = false;
  CR_ASSIGN_OR_RETURN(const std::vector<JsonObject> entries, config.Objects(key));
  for (const JsonObject& entry : entries) {
    CR_ASSIGN_OR_RETURN(const std::string name, entry.String("name"));
    CR_ASSIGN_OR_RETURN(const std::string text, entry.String("template"));
    if (name == "default") {
      ids->chat_template = text;
      has_default = true;
    }
    if (name == "tool_use") ids->tool_chat_template = text;
  }
  if (has_default) return absl::OkStatus();
  return config.Error(key, "has no entry named 'default'");
}

// Adds the tokens that `text`, a JSON object, names and that are not named yet.
absl::Status ReadNamedTokens(const std::string& text, const std::string& file, SpecialIds* ids) {
  if (text.empty()) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const Json json, json::ParseObject(text, file));
  for (const char* name : {"bos_token",
                           "eos_token",
                           "unk_token",
                           "sep_token",
                           "pad_token",
                           "cls_token",
                           "mask_token"}) {
    const auto known = std::find_if(ids->named_tokens.begin(),
                                    ids->named_tokens.end(),
                                    [&](const auto& token) { return token.first == name; });
    const auto entry = json.find(name);
    if (known != ids->named_tokens.end() || entry == json.end()) continue;
    const Json& content = entry->is_object() ? entry->value("content", Json()) : *entry;
    if (content.is_string()) ids->named_tokens.emplace_back(name, content.get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status ReadTokenizerConfig(
    const TokenizerFiles& files,
    const std::function<std::optional<int32_t>(const std::string&)>& id_of,
    SpecialIds* ids) {
  if (files.tokenizer_config_json.empty()) return absl::OkStatus();
  const std::string file = base::JoinPath(files.directory, "tokenizer_config.json");
  CR_ASSIGN_OR_RETURN(const Json json, json::ParseObject(files.tokenizer_config_json, file));
  const JsonObject config(&json, file);
  CR_ASSIGN_OR_RETURN(ids->bos_id, TokenField(config, "bos_token", id_of));
  CR_ASSIGN_OR_RETURN(ids->eos_id, TokenField(config, "eos_token", id_of));
  return ReadChatTemplates(config, ids);
}

absl::Status ReadModelConfig(const std::string& text,
                             const std::string& file,
                             int32_t vocab_size,
                             SpecialIds* ids) {
  if (text.empty()) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const Json json, json::ParseObject(text, file));
  const JsonObject config(&json, file);
  CR_ASSIGN_OR_RETURN(const std::vector<int32_t> bos, IdsField(config, "bos_token_id", vocab_size));
  CR_ASSIGN_OR_RETURN(const std::vector<int32_t> eos, IdsField(config, "eos_token_id", vocab_size));
  if (!ids->bos_id && !bos.empty()) ids->bos_id = bos.front();
  if (!ids->eos_id && !eos.empty()) ids->eos_id = eos.front();
  ids->stop_ids.insert(ids->stop_ids.end(), eos.begin(), eos.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(const std::string& directory) {
  TokenizerFiles files;
  files.directory = directory;
  const std::string tokenizer = base::JoinPath(directory, "tokenizer.json");
  if (!base::FileExists(tokenizer)) {
    return absl::NotFoundError(absl::StrCat(
        tokenizer, ": no such file; a model directory needs the tokenizer in this form"));
  }
  CR_ASSIGN_OR_RETURN(files.tokenizer_json, base::ReadFile(tokenizer));
  const auto read = [&](const std::string& name, std::string* text) -> absl::Status {
    const std::string path = base::JoinPath(directory, name);
    if (!base::FileExists(path)) return absl::OkStatus();
    CR_ASSIGN_OR_RETURN(*text, base::ReadFile(path));
    return absl::OkStatus();
  };
  CR_RETURN_IF_ERROR(read("tokenizer_config.json", &files.tokenizer_config_json));
  CR_RETURN_IF_ERROR(read("generation_config.json", &files.generation_config_json));
  CR_RETURN_IF_ERROR(read("config.json", &files.config_json));
  CR_RETURN_IF_ERROR(read("special_tokens_map.json", &files.special_tokens_map_json));
  CR_RETURN_IF_ERROR(read("chat_template.jinja", &files.chat_template_jinja));
  CR_RETURN_IF_ERROR(read("chat_template.json", &files.chat_template_json));
  CR_RETURN_IF_ERROR(read("additional_chat_templates/tool_use.jinja", &files.tool_template_jinja));
  return files;
}

absl::StatusOr<SpecialIds> ReadSpecialIds(
    const TokenizerFiles& files,
    int32_t vocab_size,
    const std::function<std::optional<int32_t>(const std::string&)>& id_of) {
  SpecialIds ids;
  CR_RETURN_IF_ERROR(ReadTokenizerConfig(files, id_of, &ids));
  CR_RETURN_IF_ERROR(ReadModelConfig(files.generation_config_json,
                                     base::JoinPath(files.directory, "generation_config.json"),
                                     vocab_size,
                                     &ids));
  CR_RETURN_IF_ERROR(ReadModelConfig(
      files.config_json, base::JoinPath(files.directory, "config.json"), vocab_size, &ids));
  CR_RETURN_IF_ERROR(ReadNamedTokens(
      files.tokenizer_config_json, base::JoinPath(files.directory, "tokenizer_config.json"), &ids));
  CR_RETURN_IF_ERROR(ReadNamedTokens(files.special_tokens_map_json,
                                     base::JoinPath(files.directory, "special_tokens_map.json"),
                                     &ids));
  if (ids.chat_template.empty() && !files.chat_template_json.empty()) {
    const std::string file = base::JoinPath(files.directory, "chat_template.json");
    CR_ASSIGN_OR_RETURN(const Json json, json::ParseObject(files.chat_template_json, file));
    CR_RETURN_IF_ERROR(ReadChatTemplates(JsonObject(&json, file), &ids));
  }
  if (!files.chat_template_jinja.empty()) ids.chat_template = files.chat_template_jinja;
  if (!files.tool_template_jinja.empty()) ids.tool_chat_template = files.tool_template_jinja;
  if (ids.eos_id) ids.stop_ids.push_back(*ids.eos_id);
  std::sort(ids.stop_ids.begin(), ids.stop_ids.end());
  ids.stop_ids.erase(std::unique(ids.stop_ids.begin(), ids.stop_ids.end()), ids.stop_ids.end());
  return ids;
}

}  // namespace convrec::tokenizer
