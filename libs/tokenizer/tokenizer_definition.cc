#include "libs/tokenizer/tokenizer_definition.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/tokenizer/byte_alphabet.h"
#include "libs/tokenizer/families.h"
#include "libs/tokenizer/json_fields.h"

namespace convrec::tokenizer {
namespace {

using Json = nlohmann::json;

// Sequences hold steps, not further sequences, in every file seen; a few levels are read all the
// same.
constexpr int kMaxNesting = 8;

absl::Status CheckAbsentOrEmpty(const JsonObject& model, const std::string& key) {
  const Json* value = model.Find(key);
  if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty())) {
    return absl::OkStatus();
  }
  return model.Error(key, "must be empty in a byte-level BPE");
}

// The ids of the model's tokens and of the added tokens, as one list without holes.
class TokenTable final {
 public:
  // False if the id is taken by another token, or the token has another id.
  bool Add(const std::string& token, int32_t id) {
    const auto [by_token, is_new_token] = ids_.emplace(token, id);
    const auto [by_id, is_new_id] = tokens_.emplace(id, token);
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

  // The smallest id without a token; size() if there is no hole.
  int32_t FirstHole() const {
    int32_t id = 0;
    while (tokens_.contains(id)) ++id;
    return id;
  }

  size_t size() const { return tokens_.size(); }

 private:
  absl::flat_hash_map<std::string, int32_t> ids_;
  absl::flat_hash_map<int32_t, std::string> tokens_;
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
  CR_ASSIGN_OR_RETURN(const bool byte_fallback, model.Bool("byte_fallback", false));
  if (!byte_fallback) return absl::OkStatus();
  // Harmless where every byte has its own token: then there is nothing to fall back from.
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (table->IdOf(ToByteLevel(std::string_view(&c, 1)))) continue;
    return model.Error(
        "byte_fallback",
        absl::StrCat("is true and byte ", byte, " has no token, which is not supported"));
  }
  return absl::OkStatus();
}

absl::StatusOr<AddedToken> ReadAddedToken(const JsonObject& json) {
  AddedToken token;
  CR_ASSIGN_OR_RETURN(token.id, json.Id("id"));
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
  CR_ASSIGN_OR_RETURN(const Json* array, root.Array("added_tokens"));
  for (size_t i = 0; i < array->size(); ++i) {
    CR_ASSIGN_OR_RETURN(const JsonObject json, root.Element("added_tokens", i));
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

absl::Status ReadNormalizer(const JsonObject& json, int nesting, std::vector<UnicodeForm>* forms) {
  CR_ASSIGN_OR_RETURN(const std::string type, json.String("type"));
  if (type == "NFC") {
    forms->push_back(UnicodeForm::kNfc);
  } else if (type == "NFD") {
    forms->push_back(UnicodeForm::kNfd);
  } else if (type == "NFKC") {
    forms->push_back(UnicodeForm::kNfkc);
  } else if (type == "NFKD") {
    forms->push_back(UnicodeForm::kNfkd);
  } else if (type == "Sequence" && nesting < kMaxNesting) {
    CR_ASSIGN_OR_RETURN(const Json* steps, json.Array("normalizers"));
    for (size_t i = 0; i < steps->size(); ++i) {
      CR_ASSIGN_OR_RETURN(const JsonObject step, json.Element("normalizers", i));
      CR_RETURN_IF_ERROR(ReadNormalizer(step, nesting + 1, forms));
    }
  } else {
    return json.Error("type",
                      absl::StrCat("is '", type, "', expected NFC, NFD, NFKC, NFKD or Sequence"));
  }
  return absl::OkStatus();
}

absl::StatusOr<SplitBehavior> ReadBehavior(const JsonObject& split) {
  CR_ASSIGN_OR_RETURN(const std::string name, split.String("behavior"));
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return split.Error("behavior",
                     absl::StrCat("is '",
                                  name,
                                  "', expected Isolated, Removed, MergedWithPrevious, ",
                                  "MergedWithNext or Contiguous"));
}

absl::StatusOr<PreTokenizerStep> ReadSplit(const JsonObject& split) {
  PreTokenizerStep step;
  CR_ASSIGN_OR_RETURN(const JsonObject pattern, split.Object("pattern"));
  if (pattern.Find("Regex") != nullptr) {
    CR_ASSIGN_OR_RETURN(step.regex, pattern.String("Regex"));
  } else {
    CR_ASSIGN_OR_RETURN(const std::string text, pattern.String("String"));
    step.regex = EscapeRegex(text);
  }
  if (step.regex.empty()) return split.Error("pattern", "is empty");
  if (const auto regex = SplitRegex::Create(step.regex); !regex.ok()) {
    return split.Error("pattern", absl::StrCat("is malformed: ", regex.status().message()));
  }
  CR_ASSIGN_OR_RETURN(step.behavior, ReadBehavior(split));
  CR_ASSIGN_OR_RETURN(step.invert, split.Bool("invert", false));
  return step;
}

// Appends the steps of a pre-tokenizer. `has_byte_level` tells whether ByteLevel has come, which
// must be the last one: what follows it would see the byte-level alphabet instead of text.
absl::Status ReadPreTokenizer(const JsonObject& json,
                              int nesting,
                              bool* has_byte_level,
                              std::vector<PreTokenizerStep>* steps) {
  CR_ASSIGN_OR_RETURN(const std::string type, json.String("type"));
  if (*has_byte_level) return json.Error("", "comes after ByteLevel, which must be the last step");
  if (type == "Sequence" && nesting < kMaxNesting) {
    CR_ASSIGN_OR_RETURN(const Json* array, json.Array("pretokenizers"));
    for (size_t i = 0; i < array->size(); ++i) {
      CR_ASSIGN_OR_RETURN(const JsonObject step, json.Element("pretokenizers", i));
      CR_RETURN_IF_ERROR(ReadPreTokenizer(step, nesting + 1, has_byte_level, steps));
    }
  } else if (type == "ByteLevel") {
    PreTokenizerStep step;
    CR_ASSIGN_OR_RETURN(step.add_prefix_space, json.Bool("add_prefix_space", true));
    CR_ASSIGN_OR_RETURN(const bool use_regex, json.Bool("use_regex", true));
    if (use_regex) step.regex = kGpt2SplitRegex;
    steps->push_back(std::move(step));
    *has_byte_level = true;
  } else if (type == "Digits") {
    CR_ASSIGN_OR_RETURN(const bool individual, json.Bool("individual_digits", false));
    PreTokenizerStep step;
    step.regex = R"(\p{N})";
    step.behavior = individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
    steps->push_back(std::move(step));
  } else if (type == "Split") {
    CR_ASSIGN_OR_RETURN(PreTokenizerStep step, ReadSplit(json));
    steps->push_back(std::move(step));
  } else {
    return json.Error(
        "type", absl::StrCat("is '", type, "', expected ByteLevel, Split, Digits or Sequence"));
  }
  return absl::OkStatus();
}

// The ids one special token of a template stands for.
absl::Status AppendTemplateToken(const JsonObject& processor,
                                 const std::string& name,
                                 std::vector<int32_t>* ids) {
  CR_ASSIGN_OR_RETURN(const JsonObject tokens, processor.Object("special_tokens"));
  CR_ASSIGN_OR_RETURN(const JsonObject token, tokens.Object(name));
  CR_ASSIGN_OR_RETURN(const Json* array, token.Array("ids"));
  for (const Json& value : *array) {
    const std::optional<int32_t> id = AsId(value);
    if (!id) return token.Error("ids", "must be token ids (whole numbers from 0)");
    ids->push_back(*id);
  }
  return absl::OkStatus();
}

absl::Status ReadTemplate(const JsonObject& processor, TokenizerDefinition* definition) {
  CR_ASSIGN_OR_RETURN(const Json* single, processor.Array("single"));
  bool after_text = false;
  for (size_t i = 0; i < single->size(); ++i) {
    CR_ASSIGN_OR_RETURN(const JsonObject piece, processor.Element("single", i));
    if (piece.Find("Sequence") != nullptr) {
      if (after_text) return processor.Error("single", "holds the text twice");
      after_text = true;
      continue;
    }
    CR_ASSIGN_OR_RETURN(const JsonObject special, piece.Object("SpecialToken"));
    CR_ASSIGN_OR_RETURN(const std::string name, special.String("id"));
    CR_RETURN_IF_ERROR(AppendTemplateToken(
        processor, name, after_text ? &definition->suffix_ids : &definition->prefix_ids));
  }
  if (!after_text) return processor.Error("single", "lacks the text (Sequence)");
  return absl::OkStatus();
}

absl::Status ReadPostProcessor(const JsonObject& json,
                               int nesting,
                               TokenizerDefinition* definition) {
  CR_ASSIGN_OR_RETURN(const std::string type, json.String("type"));
  if (type == "ByteLevel") return absl::OkStatus();  // Only offsets, which are not kept here.
  if (type == "TemplateProcessing") {
    if (definition->prefix_ids.empty() && definition->suffix_ids.empty()) {
      return ReadTemplate(json, definition);
    }
    return json.Error("type", "is a second TemplateProcessing, which is not supported");
  }
  if (type != "Sequence" || nesting >= kMaxNesting) {
    return json.Error(
        "type",
        absl::StrCat("is '", type, "', expected ByteLevel, TemplateProcessing or Sequence"));
  }
  CR_ASSIGN_OR_RETURN(const Json* steps, json.Array("processors"));
  for (size_t i = 0; i < steps->size(); ++i) {
    CR_ASSIGN_OR_RETURN(const JsonObject step, json.Element("processors", i));
    CR_RETURN_IF_ERROR(ReadPostProcessor(step, nesting + 1, definition));
  }
  return absl::OkStatus();
}

absl::Status ReadText(const JsonObject& root, TokenizerDefinition* definition) {
  if (root.Find("normalizer") != nullptr) {
    CR_ASSIGN_OR_RETURN(const JsonObject normalizer, root.Object("normalizer"));
    CR_RETURN_IF_ERROR(ReadNormalizer(normalizer, 0, &definition->normalizers));
  }
  CR_ASSIGN_OR_RETURN(const JsonObject pre_tokenizer, root.Object("pre_tokenizer"));
  bool has_byte_level = false;
  CR_RETURN_IF_ERROR(
      ReadPreTokenizer(pre_tokenizer, 0, &has_byte_level, &definition->pre_tokenizer));
  if (!has_byte_level) {
    return root.Error("pre_tokenizer", "lacks ByteLevel: only byte-level tokenizers are supported");
  }
  if (root.Find("post_processor") == nullptr) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const JsonObject post_processor, root.Object("post_processor"));
  return ReadPostProcessor(post_processor, 0, definition);
}

}  // namespace

absl::StatusOr<TokenizerDefinition> ParseTokenizerDefinition(const std::string& text,
                                                             const std::string& file) {
  CR_ASSIGN_OR_RETURN(const Json json, ParseJsonObject(text, file));
  const JsonObject root(&json, file, "");
  TokenizerDefinition definition;
  TokenTable table;
  CR_ASSIGN_OR_RETURN(const JsonObject model, root.Object("model"));
  CR_RETURN_IF_ERROR(ReadModel(model, &table, &definition));
  TokenTable model_tokens = table;
  CR_RETURN_IF_ERROR(ReadAddedTokens(root, &table, &definition.added_tokens));
  CR_RETURN_IF_ERROR(ReadText(root, &definition));

  const auto num_tokens = static_cast<int32_t>(table.size());
  if (const int32_t hole = table.FirstHole(); hole < num_tokens) {
    return model.Error(
        "vocab",
        absl::StrCat(
            "has a hole: no token has the id ", hole, ", though ", num_tokens, " tokens exist"));
  }
  for (int32_t id = 0; id < num_tokens; ++id) {
    definition.tokens.push_back(*table.TokenOf(id));
    definition.is_model_token.push_back(model_tokens.TokenOf(id) != nullptr);
  }
  for (const auto* ids : {&definition.prefix_ids, &definition.suffix_ids}) {
    for (const int32_t id : *ids) {
      if (id < num_tokens) continue;
      return root.Error(
          "post_processor",
          absl::StrCat("uses the id ", id, ", but there are only ", num_tokens, " tokens"));
    }
  }
  return definition;
}

}  // namespace convrec::tokenizer
