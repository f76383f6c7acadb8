#include "libs/prompt/model_prompt.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/enum_names.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"

namespace convrec::prompt {
namespace {

// Keeps the order of keys, which a template may print.
using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr char kRoleLines[] = "role_lines";  // The one way in which dialogues are written.
constexpr char kModelsOwn[] = "model";       // The format of a chat template that is not replaced.
constexpr size_t kDigestDigits = 32;

// Takes the fields of an object one by one; whatever is wrong first is the error.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  std::string String(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr) return "";
    if (!value->is_string()) return Fail(name, "is not a string"), "";
    return value->get<std::string>();
  }
  int Count(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr) return 0;
    const bool is_count = value->is_number_unsigned() && value->get<uint64_t>() > 0 &&
                          value->get<uint64_t>() <= uint64_t{std::numeric_limits<int>::max()};
    if (!is_count) return Fail(name, "is not a whole number above 0"), 0;
    return value->get<int>();
  }
  bool Bool(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr) return false;
    if (!value->is_boolean()) return Fail(name, "is neither true nor false"), false;
    return value->get<bool>();
  }
  const Json& Object(const char* name) {
    static const Json kEmpty = Json::object();
    const Json* value = Find(name);
    if (value == nullptr) return kEmpty;
    if (!value->is_object()) return Fail(name, "is not an object"), kEmpty;
    return *value;
  }
  template <typename Enum>
  Enum Word(const char* name) {
    const std::string word = OneOf(name, base::AllNames<Enum>());
    return base::ParseName<Enum>(word).value_or(Enum{});
  }
  std::string OneOf(const char* name, const std::vector<std::string>& words) {
    const std::string word = String(name);
    if (std::find(words.begin(), words.end(), word) == words.end()) {
      Fail(name, absl::StrCat("is \"", word, "\", expected ", absl::StrJoin(words, " or ")));
    }
    return word;
  }
  void Fail(const char* name, const std::string& message) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat(where_, ": field ", name, " ", message));
    }
  }
  // The first error; a field that nothing has asked for is one.
  absl::Status Finish() {
    for (const auto& [name, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      Fail(name.c_str(), "is unknown: the file is of another release");
    }
    return status_;
  }

 private:
  const Json* Find(const char* name) {
    known_.push_back(name);
    const auto field = object_.find(name);
    if (field != object_.end()) return &*field;
    Fail(name, "is missing");
    return nullptr;
  }

  const Json& object_;
  const std::string where_;
  std::vector<std::string> known_;
  absl::Status status_;
};

absl::StatusOr<tokenizer::ChatTemplate::Options> ReadChat(const Json& json,
                                                          const std::string& where) {
  tokenizer::ChatTemplate::Options chat;
  Fields fields(json, where);
  std::vector<std::string> formats = base::AllNames<tokenizer::ChatFormat>();
  formats.insert(formats.begin(), kModelsOwn);
  // Absent for the model's own.
  chat.format = base::ParseName<tokenizer::ChatFormat>(fields.OneOf("format", formats));
  chat.date = fields.String("date");
  const Json& arguments = fields.Object("arguments");
  if (!arguments.empty()) chat.arguments = arguments.dump();
  CR_RETURN_IF_ERROR(fields.Finish());
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
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, " is damaged: it holds no JSON object; export the model once more"));
  }
  const auto version = json.find("format_version");
  if (version == json.end() || *version != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat(file,
                     ": field format_version is ",
                     version == json.end() ? "missing" : version->dump(),
                     ", this release reads ",
                     kVersion));
  }
  ModelPrompt prompt;
  Fields fields(json, file);
  fields.Count("format_version");
  prompt.form = fields.Word<PromptForm>("form");
  prompt.instruction = fields.String("instruction");
  fields.OneOf("turns", {kRoleLines});
  prompt.num_ranks = fields.Count("num_ranks");
  prompt.list_style = fields.Word<lists::ListStyle>("list_style");
  prompt.line_format = fields.String("line_format");
  if (const auto format = text::LineFormat::Parse(prompt.line_format); !format.ok()) {
    fields.Fail("line_format", std::string(format.status().message()));
  }
  prompt.constrained = fields.Bool("constrained");
  prompt.catalog_digest = fields.String("catalog_digest");
  if (prompt.catalog_digest.size() != kDigestDigits ||
      !std::all_of(prompt.catalog_digest.begin(), prompt.catalog_digest.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      })) {
    fields.Fail("catalog_digest", absl::StrCat("is not ", kDigestDigits, " hexadecimal digits"));
  }
  const Json& chat = fields.Object("chat_template");
  prompt.max_prompt_tokens = fields.Count("max_prompt_tokens");
  prompt.keep = fields.Word<PromptKeep>("keep");
  prompt.max_new_tokens = fields.Count("max_new_tokens");
  CR_RETURN_IF_ERROR(fields.Finish());
  CR_ASSIGN_OR_RETURN(prompt.chat, ReadChat(chat, absl::StrCat(file, ": field chat_template")));
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
