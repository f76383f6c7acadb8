#include "libs/prompt/model_prompt.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/enum_names.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/json/json_object.h"

namespace convrec::prompt {
namespace {

// Keeps the order of keys, which a template may print.
using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr char kRoleLines[] = "role_lines";  // The one way in which dialogues are written.
constexpr char kModelsOwn[] = "model";       // The format of a chat template that is not replaced.
constexpr size_t kDigestDigits = 32;

// InvalidArgument for a field that is none of `known`.
absl::Status CheckKnown(const json::JsonObject& object, const std::vector<std::string>& known) {
  for (const auto& [name, value] : object.json().items()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return object.Error(name, "is unknown: the file is of another release");
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Count(const json::JsonObject& object, const std::string& field) {
  CR_ASSIGN_OR_RETURN(const int64_t count,
                      object.Integer(field, 1, std::numeric_limits<int>::max()));
  return static_cast<int>(count);
}

template <typename Enum>
absl::StatusOr<Enum> Word(const json::JsonObject& object, const std::string& field) {
  CR_ASSIGN_OR_RETURN(const std::string word, object.OneOf(field, base::AllNames<Enum>()));
  return *base::ParseName<Enum>(word);
}

absl::StatusOr<std::string> Digest(const json::JsonObject& object, const std::string& field) {
  CR_ASSIGN_OR_RETURN(std::string digest, object.String(field));
  const bool is_digest =
      digest.size() == kDigestDigits && std::all_of(digest.begin(), digest.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      });
  if (!is_digest) return object.Expected(field, absl::StrCat(kDigestDigits, " hexadecimal digits"));
  return digest;
}

absl::StatusOr<std::string> LineFormatOf(const json::JsonObject& object, const std::string& field) {
  CR_ASSIGN_OR_RETURN(std::string text, object.String(field));
  const auto format = text::LineFormat::Parse(text);
  if (!format.ok()) return object.Error(field, std::string(format.status().message()));
  return text;
}

// `ordered` is the same object with the order of its keys.
absl::StatusOr<tokenizer::ChatTemplate::Options> ReadChat(const json::JsonObject& object,
                                                          const Json& ordered) {
  CR_RETURN_IF_ERROR(CheckKnown(object, {"format", "date", "arguments"}));
  tokenizer::ChatTemplate::Options chat;
  std::vector<std::string> formats = base::AllNames<tokenizer::ChatFormat>();
  formats.insert(formats.begin(), kModelsOwn);
  CR_ASSIGN_OR_RETURN(const std::string format, object.OneOf("format", formats));
  chat.format = base::ParseName<tokenizer::ChatFormat>(format);  // Absent for the model's own.
  CR_ASSIGN_OR_RETURN(chat.date, object.String("date"));
  CR_RETURN_IF_ERROR(object.Object("arguments").status());
  if (!ordered["arguments"].empty()) chat.arguments = ordered["arguments"].dump();
  return chat;
}

}  // namespace

std::string ToJson(const ModelPrompt& prompt) {
  const tokenizer::ChatTemplate::Options& chat = prompt.chat;
  // The learner has parsed the arguments before it trained with them.
  const Json arguments = chat.arguments.empty() ? Json::object() : Json::parse(chat.arguments);
  const Json json = {{"format_version", kVersion},
                     {"form", base::NameOf(prompt.form)},
                     {"instruction", prompt.instruction},
                     {"turns", kRoleLines},
                     {"num_ranks", prompt.num_ranks},
                     {"list_style", base::NameOf(prompt.list_style)},
                     {"line_format", prompt.line_format},
                     {"constrained", prompt.constrained},
                     {"catalog_digest", prompt.catalog_digest},
                     {"chat_template",
                      {{"format", chat.format ? base::NameOf(*chat.format) : kModelsOwn},
                       {"date", chat.date},
                       {"arguments", arguments}}},
                     {"max_prompt_tokens", prompt.max_prompt_tokens},
                     {"keep", base::NameOf(prompt.keep)},
                     {"max_new_tokens", prompt.max_new_tokens}};
  return json.dump(2) + "\n";
}

absl::StatusOr<ModelPrompt> ModelPromptFromJson(const std::string& text, const std::string& file) {
  const auto document = json::ParseObject(text, file);
  if (!document.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, " is damaged, export the model once more: ", document.status().message()));
  }
  const json::JsonObject object(&*document, file);
  CR_ASSIGN_OR_RETURN(const int version, Count(object, "format_version"));
  if (version != kVersion) return object.Expected("format_version", absl::StrCat(kVersion));
  CR_RETURN_IF_ERROR(CheckKnown(object,
                                {"format_version",
                                 "form",
                                 "instruction",
                                 "turns",
                                 "num_ranks",
                                 "list_style",
                                 "line_format",
                                 "constrained",
                                 "catalog_digest",
                                 "chat_template",
                                 "max_prompt_tokens",
                                 "keep",
                                 "max_new_tokens"}));
  ModelPrompt prompt;
  CR_ASSIGN_OR_RETURN(prompt.form, Word<PromptForm>(object, "form"));
  CR_ASSIGN_OR_RETURN(prompt.instruction, object.String("instruction"));
  CR_RETURN_IF_ERROR(object.OneOf("turns", {kRoleLines}).status());
  CR_ASSIGN_OR_RETURN(prompt.num_ranks, Count(object, "num_ranks"));
  CR_ASSIGN_OR_RETURN(prompt.list_style, Word<lists::ListStyle>(object, "list_style"));
  CR_ASSIGN_OR_RETURN(prompt.line_format, LineFormatOf(object, "line_format"));
  CR_ASSIGN_OR_RETURN(prompt.constrained, object.Bool("constrained"));
  CR_ASSIGN_OR_RETURN(prompt.catalog_digest, Digest(object, "catalog_digest"));
  CR_ASSIGN_OR_RETURN(const json::JsonObject chat, object.Object("chat_template"));
  CR_ASSIGN_OR_RETURN(prompt.chat, ReadChat(chat, Json::parse(text)["chat_template"]));
  CR_ASSIGN_OR_RETURN(prompt.max_prompt_tokens, Count(object, "max_prompt_tokens"));
  CR_ASSIGN_OR_RETURN(prompt.keep, Word<PromptKeep>(object, "keep"));
  CR_ASSIGN_OR_RETURN(prompt.max_new_tokens, Count(object, "max_new_tokens"));
  return prompt;
}

absl::StatusOr<std::optional<ModelPrompt>> ReadModelPrompt(const std::string& directory) {
  const std::string path = base::JoinPath(directory, kModelPromptFile);
  if (!base::FileExists(path)) return std::nullopt;
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  CR_ASSIGN_OR_RETURN(ModelPrompt prompt, ModelPromptFromJson(text, path));
  return prompt;
}

}  // namespace convrec::prompt
