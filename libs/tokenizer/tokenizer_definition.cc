#include "libs/tokenizer/tokenizer_definition.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/json/json_object.h"
#include "libs/tokenizer/byte_alphabet.h"
#include "libs/tokenizer/text_steps.h"
#include "libs/tokenizer/token_id.h"

namespace convrec::tokenizer {
namespace {

using json::JsonObject;
using Json = nlohmann::json;

// Ids without a token are possible, but a vocabulary of almost nothing else is an error.
constexpr int64_t kMaxHoles = 1'000'000;

absl::Status CheckAbsentOrEmpty(const JsonObject& model, const std::string& key) {
  const Json* value = model.Find(key);
  if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty())) {
    return absl::OkStatus();
  }
  return model.Error(key, "must be empty: pieces of words with marks are not supported");
}

// The ids of the model's tokens and of the added tokens, in both directions.
class TokenTable final {
 public:
  // False if the id is taken by another token, or the token has another id.
  bool Add(const std::string& token, int32_t id) {
    const auto [by_token, is_new_token] = ids_.emplace(token, id);
    const auto [by_id, is_new_id] = tokens_.emplace(id, token);
    end_ = std::max(end_, int64_t{id} + 1);
    return by_token->second == id && by_id->second == token;
  }

  std::optional<int32_t> IdOf(const std::string& token) const {
    const auto entry = ids_.find(token);
    if (entry == ids_.end()) return std::nullopt;
    return entry->second;
  }

  const std::string* TokenOf(int32_t id) const {
    const auto entry = tokens_.find(id);
    return entry == tokens_.end() ? nullptr : &entry->second;
  }

  // One more than the largest id.
  int64_t end() const { return end_; }
  size_t size() const { return tokens_.size(); }

 private:
  absl::flat_hash_map<std::string, int32_t> ids_;
  absl::flat_hash_map<int32_t, std::string> tokens_;
  int64_t end_ = 0;
};

absl::Status ReadVocab(const JsonObject& model, TokenTable* table) {
  CR_ASSIGN_OR_RETURN(const JsonObject vocab, model.Object("vocab"));
  if (vocab.json().empty()) return model.Error("vocab", "is empty");
  for (const auto& [token, value] : vocab.json().items()) {
    const std::optional<int32_t> id = AsId(value);
    if (!id) {
      return model.Error(
          "vocab", absl::StrCat("gives the token '", token, "' no id (a whole number from 0)"));
    }
    if (!table->Add(token, *id)) {
      return model.Error(
          "vocab",
          absl::StrCat(
              "gives id ", *id, " to both '", *table->TokenOf(*id), "' and '", token, "'"));
    }
  }
  return absl::OkStatus();
}

// Both forms, "a b" and ["a", "b"]; nullopt for anything else.
std::optional<std::pair<std::string, std::string>> AsMerge(const Json& json) {
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    const size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
      return std::nullopt;
    }
    return std::make_pair(text.substr(0, space), text.substr(space + 1));
  }
  if (json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_string()) {
    return std::make_pair(json[0].get<std::string>(), json[1].get<std::string>());
  }
  return std::nullopt;
}

absl::Status ReadMerges(const JsonObject& model,
                        const TokenTable& vocab,
                        std::vector<Bpe::Merge>* merges) {
  CR_ASSIGN_OR_RETURN(const Json* array, model.Array("merges"));
  merges->reserve(array->size());
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string name = absl::StrCat("merges[", i, "]");
    const auto merge = AsMerge((*array)[i]);
    if (!merge) return model.Error(name, R"(must be "a b" or ["a", "b"])");
    const std::string merged = merge->first + merge->second;
    for (const std::string& token : {merge->first, merge->second, merged}) {
      if (vocab.IdOf(token)) continue;
      return model.Error(name,
                         absl::StrCat("merges '",
                                      merge->first,
                                      "' and '",
                                      merge->second,
                                      "', but the vocabulary lacks '",
                                      token,
                                      "'"));
    }
    merges->push_back({*vocab.IdOf(merge->first), *vocab.IdOf(merge->second), *vocab.IdOf(merged)});
  }
  return absl::OkStatus();
}

absl::Status CheckModelKind(const JsonObject& model) {
  CR_ASSIGN_OR_RETURN(const std::string type, model.String("type", "BPE"));
  if (type != "BPE") {
    return model.Error("type", absl::StrCat("is '", type, "', only 'BPE' is supported"));
  }
  const Json* dropout = model.Find("dropout");
  if (dropout != nullptr && !(dropout->is_number() && dropout->get<double>() == 0)) {
    return model.Error("dropout", "must be 0 or null: merges are not left out at random");
  }
  CR_RETURN_IF_ERROR(CheckAbsentOrEmpty(model, "continuing_subword_prefix"));
  return CheckAbsentOrEmpty(model, "end_of_word_suffix");
}

absl::Status ReadModel(const JsonObject& model,
                       TokenTable* table,
                       TokenizerDefinition* definition) {
  CR_RETURN_IF_ERROR(CheckModelKind(model));
  CR_RETURN_IF_ERROR(ReadVocab(model, table));
  CR_RETURN_IF_ERROR(ReadMerges(model, *table, &definition->merges));
  CR_ASSIGN_OR_RETURN(definition->ignore_merges, model.Bool("ignore_merges", false));
  CR_ASSIGN_OR_RETURN(definition->fuse_unknown, model.Bool("fuse_unk", false));
  CR_ASSIGN_OR_RETURN(const std::string unknown, model.String("unk_token", ""));
  if (!unknown.empty()) {
    definition->unknown_id = table->IdOf(unknown);
    if (!definition->unknown_id) {
      return model.Error("unk_token",
                         absl::StrCat("is '", unknown, "', which is not in the vocabulary"));
    }
  }
  CR_ASSIGN_OR_RETURN(definition->byte_fallback, model.Bool("byte_fallback", false));
  return absl::OkStatus();
}

// In a byte-level BPE there is nothing to fall back from if every byte has its own token.
absl::Status CheckByteFallback(const JsonObject& model,
                               const TokenTable& table,
                               const TokenizerDefinition& definition) {
  if (!definition.byte_fallback || definition.alphabet == TokenAlphabet::kCharacters) {
    return absl::OkStatus();
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (table.IdOf(ToByteLevel(std::string_view(&c, 1)))) continue;
    return model.Error("byte_fallback",
                       absl::StrCat("is true in a byte-level BPE where byte ",
                                    byte,
                                    " has no token, which is not supported"));
  }
  return absl::OkStatus();
}

absl::StatusOr<AddedToken> ReadAddedToken(const JsonObject& json) {
  AddedToken token;
  CR_ASSIGN_OR_RETURN(const int64_t id, json.Integer("id", 0, INT32_MAX));
  token.id = static_cast<int32_t>(id);
  CR_ASSIGN_OR_RETURN(token.content, json.String("content"));
  if (token.content.empty()) return json.Error("content", "is empty");
  CR_ASSIGN_OR_RETURN(token.is_special, json.Bool("special", false));
  CR_ASSIGN_OR_RETURN(token.single_word, json.Bool("single_word", false));
  CR_ASSIGN_OR_RETURN(token.lstrip, json.Bool("lstrip", false));
  CR_ASSIGN_OR_RETURN(token.rstrip, json.Bool("rstrip", false));
  CR_ASSIGN_OR_RETURN(token.normalized, json.Bool("normalized", !token.is_special));
  return token;
}

absl::Status ReadAddedTokens(const JsonObject& root,
                             TokenTable* table,
                             std::vector<AddedToken>* added_tokens) {
  if (root.Find("added_tokens") == nullptr) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const std::vector<JsonObject> objects, root.Objects("added_tokens"));
  for (const JsonObject& json : objects) {
    CR_ASSIGN_OR_RETURN(AddedToken token, ReadAddedToken(json));
    if (!table->Add(token.content, token.id)) {
      return json.Error("",
                        absl::StrCat("gives '",
                                     token.content,
                                     "' the id ",
                                     token.id,
                                     ", but the token or the id is taken otherwise"));
    }
    added_tokens->push_back(std::move(token));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenizerDefinition> ParseTokenizerDefinition(const std::string& text,
                                                             const std::string& file) {
  CR_ASSIGN_OR_RETURN(const Json json, json::ParseObject(text, file));
  const JsonObject root(&json, file);
  TokenizerDefinition definition;
  TokenTable table;
  CR_ASSIGN_OR_RETURN(const JsonObject model, root.Object("model"));
  CR_RETURN_IF_ERROR(ReadModel(model, &table, &definition));
  const TokenTable model_tokens = table;
  CR_RETURN_IF_ERROR(ReadAddedTokens(root, &table, &definition.added_tokens));
  CR_RETURN_IF_ERROR(ReadTextSteps(root, &definition));
  CR_RETURN_IF_ERROR(CheckByteFallback(model, model_tokens, definition));

  if (table.end() - static_cast<int64_t>(table.size()) > kMaxHoles) {
    return model.Error("vocab",
                       absl::StrCat("has ids up to ",
                                    table.end() - 1,
                                    " for ",
                                    table.size(),
                                    " tokens, expected at most ",
                                    kMaxHoles,
                                    " ids without a token"));
  }
  for (int32_t id = 0; id < table.end(); ++id) {
    const std::string* token = table.TokenOf(id);
    definition.tokens.push_back(token == nullptr ? "" : *token);
    definition.kinds.push_back(token == nullptr                      ? TokenKind::kNone
                               : model_tokens.TokenOf(id) != nullptr ? TokenKind::kModel
                                                                     : TokenKind::kAdded);
  }
  for (const auto* ids : {&definition.prefix_ids, &definition.suffix_ids}) {
    for (const int32_t id : *ids) {
      if (table.TokenOf(id) != nullptr) continue;
      return root.Error("post_processor",
                        absl::StrCat("uses the id ", id, ", which no token of the file has"));
    }
  }
  return definition;
}

}  // namespace convrec::tokenizer
