#include "libs/tokenizer/tokenizer_writer.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/tokenizer/families.h"

namespace convrec::tokenizer {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kSpaceMark[] = "\xE2\x96\x81";  // U+2581, for a space in SentencePiece.

bool IsSpecial(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

bool IsAdded(TokenType type) { return IsSpecial(type) || type == TokenType::kUserDefined; }

TokenType TypeOf(const TokenizerSpec& spec, size_t id) {
  return spec.token_types.empty() ? TokenType::kNormal : spec.token_types[id];
}

// The number of tokens without the unused ones at the end.
size_t UsedTokens(const TokenizerSpec& spec) {
  size_t count = spec.tokens.size();
  while (count > 0 && TypeOf(spec, count - 1) == TokenType::kUnused) --count;
  return count;
}

absl::Status CheckId(const TokenizerSpec& spec, const char* name, std::optional<int32_t> id) {
  if (!id || (*id >= 0 && static_cast<size_t>(*id) < UsedTokens(spec))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("tokenizer: the ",
                                                 name,
                                                 " id ",
                                                 *id,
                                                 " is outside the vocabulary of ",
                                                 UsedTokens(spec),
                                                 " tokens"));
}

absl::Status CheckMerges(const TokenizerSpec& spec) {
  absl::flat_hash_map<std::string, size_t> ids;
  const size_t num_tokens = UsedTokens(spec);
  for (size_t id = 0; id < num_tokens; ++id) {
    const auto [entry, is_new] = ids.emplace(spec.tokens[id], id);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat("tokenizer: tokens ",
                                                     entry->second,
                                                     " and ",
                                                     id,
                                                     " have the same text '",
                                                     spec.tokens[id],
                                                     "'"));
    }
  }
  for (size_t i = 0; i < spec.merges.size(); ++i) {
    const std::string& merge = spec.merges[i];
    const size_t space = merge.find(' ');
    if (space == std::string::npos || space == 0 || space + 1 == merge.size() ||
        merge.find(' ', space + 1) != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tokenizer: merge ", i, " is '", merge, "', expected two tokens with a space between"));
    }
    const std::string left = merge.substr(0, space);
    const std::string right = merge.substr(space + 1);
    for (const std::string& part : {left, right, left + right}) {
      if (!ids.contains(part)) {
        return absl::InvalidArgumentError(absl::StrCat("tokenizer: merge ",
                                                       i,
                                                       " '",
                                                       merge,
                                                       "' needs the token '",
                                                       part,
                                                       "', which is not in the vocabulary"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Check(const TokenizerSpec& spec) {
  if (!spec.token_types.empty() && spec.token_types.size() != spec.tokens.size()) {
    return absl::InvalidArgumentError(absl::StrCat("tokenizer: ",
                                                   spec.tokens.size(),
                                                   " tokens but ",
                                                   spec.token_types.size(),
                                                   " token types"));
  }
  if (!spec.scores.empty() && spec.scores.size() != spec.tokens.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tokenizer: ", spec.tokens.size(), " tokens but ", spec.scores.size(), " scores"));
  }
  const TokenType last_type = spec.scores.empty() ? TokenType::kUnused : TokenType::kByte;
  for (size_t id = 0; id < spec.token_types.size(); ++id) {
    const TokenType type = spec.token_types[id];
    if (type >= TokenType::kNormal && type <= last_type) continue;
    return absl::InvalidArgumentError(absl::StrCat("tokenizer: token ",
                                                   id,
                                                   " '",
                                                   spec.tokens[id],
                                                   "' has type ",
                                                   static_cast<int32_t>(type),
                                                   ", which such a tokenizer does not have"));
  }
  CR_RETURN_IF_ERROR(CheckId(spec, "BOS", spec.bos_id));
  CR_RETURN_IF_ERROR(CheckId(spec, "EOS", spec.eos_id));
  CR_RETURN_IF_ERROR(CheckId(spec, "unknown-token", spec.unknown_id));
  CR_RETURN_IF_ERROR(CheckId(spec, "padding", spec.padding_id));
  for (const int32_t id : spec.extra_stop_ids) CR_RETURN_IF_ERROR(CheckId(spec, "stop", id));
  return CheckMerges(spec);
}

Json ByteLevel(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json PreTokenizer(const PreTokenizerFamily& family) {
  Json steps = Json::array();
  if (family.split_digits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  for (const std::string& regex : family.split_regexes) {
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", regex}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  steps.push_back(ByteLevel(family.use_gpt2_regex));
  if (steps.size() == 1) return steps[0];
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

// Puts the BOS token before a text, as Llama-2 and Llama-3 do.
Json PostProcessor(const std::string& bos, int32_t bos_id, bool is_byte_level) {
  const Json bos_0 = {{"SpecialToken", {{"id", bos}, {"type_id", 0}}}};
  const Json bos_1 = {{"SpecialToken", {{"id", bos}, {"type_id", 1}}}};
  const Json text_a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json text_b = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  Json special_tokens = Json::object();
  special_tokens[bos] = {
      {"id", bos}, {"ids", Json::array({bos_id})}, {"tokens", Json::array({bos})}};
  const Json template_processing = {{"type", "TemplateProcessing"},
                                    {"single", Json::array({bos_0, text_a})},
                                    {"pair", Json::array({bos_0, text_a, bos_1, text_b})},
                                    {"special_tokens", special_tokens}};
  if (!is_byte_level) return template_processing;
  Json byte_level = ByteLevel(true);
  byte_level["trim_offsets"] = false;
  return {{"type", "Sequence"}, {"processors", Json::array({byte_level, template_processing})}};
}

Json AddedToken(const std::string& content, bool is_special) {
  return {{"content", content},
          {"single_word", false},
          {"lstrip", false},
          {"rstrip", false},
          {"normalized", false},
          {"special", is_special}};
}

// Every way to combine two tokens into a normal token, the token with the largest score first. For
// equal scores longer left parts come first, then longer right ones, as in `transformers`.
Json MergesByScore(const TokenizerSpec& spec) {
  struct Merge {
    float score;
    size_t left_length, right_length;  // In characters.
    int32_t left, right;
  };
  absl::flat_hash_map<std::string, int32_t> ids;
  const size_t num_tokens = UsedTokens(spec);
  for (size_t id = 0; id < num_tokens; ++id) {
    if (TypeOf(spec, id) == TokenType::kNormal)
      ids.emplace(spec.tokens[id], static_cast<int32_t>(id));
  }
  std::vector<Merge> merges;
  for (size_t id = 0; id < num_tokens; ++id) {
    if (TypeOf(spec, id) != TokenType::kNormal) continue;
    const std::string& token = spec.tokens[id];
    const size_t first = merges.size();
    const auto is_start = [&token](size_t i) {
      return (static_cast<uint8_t>(token[i]) & 0xC0) != 0x80;
    };
    const auto length = static_cast<size_t>(
        std::count_if(token.begin(), token.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    size_t left_length = 1;
    for (size_t cut = 1; cut < token.size(); ++cut) {
      if (!is_start(cut)) continue;
      const auto left = ids.find(token.substr(0, cut));
      const auto right = ids.find(token.substr(cut));
      if (left != ids.end() && right != ids.end()) {
        merges.push_back(
            {spec.scores[id], left_length, length - left_length, left->second, right->second});
      }
      ++left_length;
    }
    std::sort(merges.begin() + static_cast<std::ptrdiff_t>(first),
              merges.end(),
              [](const Merge& a, const Merge& b) {
                return std::tie(a.left, a.right) < std::tie(b.left, b.right);
              });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(a.score, a.left_length, a.right_length) >
           std::tie(b.score, b.left_length, b.right_length);
  });
  Json pairs = Json::array();
  for (const Merge& merge : merges) {
    pairs.push_back(Json::array({spec.tokens[static_cast<size_t>(merge.left)],
                                 spec.tokens[static_cast<size_t>(merge.right)]}));
  }
  return pairs;
}

Json Vocabulary(const TokenizerSpec& spec) {
  Json vocab = Json::object();
  // Appending to the underlying vector: operator[] of an ordered object searches it every time.
  auto& entries = vocab.get_ref<Json::object_t&>();
  const size_t num_tokens = UsedTokens(spec);
  entries.reserve(num_tokens);
  for (size_t id = 0; id < num_tokens; ++id) {
    static_cast<std::vector<std::pair<const std::string, Json>>&>(entries).emplace_back(
        spec.tokens[id], id);
  }
  return vocab;
}

Json Model(const TokenizerSpec& spec) {
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", Vocabulary(spec)},
          {"merges", spec.merges}};
}

// What differs between the kinds of tokenizers.
struct Parts {
  Json normalizer, pre_tokenizer, decoder, model;
};

Parts ByteLevelParts(const TokenizerSpec& spec, const PreTokenizerFamily& family) {
  Parts parts{.normalizer = family.normalize_nfc ? Json{{"type", "NFC"}} : Json(nullptr),
              .pre_tokenizer = PreTokenizer(family),
              .decoder = ByteLevel(true),
              .model = Model(spec)};
  parts.model["ignore_merges"] = family.ignore_merges;
  return parts;
}

// As in Llama-2.
Parts SentencePieceParts(const TokenizerSpec& spec) {
  const Json replace = {
      {"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpaceMark}};
  const Json prepend = {{"type", "Prepend"}, {"prepend", kSpaceMark}};
  const Json replace_back = {
      {"type", "Replace"}, {"pattern", {{"String", kSpaceMark}}}, {"content", " "}};
  Json decoders = Json::array({replace_back, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (spec.add_space_prefix)
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  Parts parts{.normalizer =
                  spec.add_space_prefix
                      ? Json{{"type", "Sequence"}, {"normalizers", Json::array({prepend, replace})}}
                      : replace,
              .pre_tokenizer = nullptr,
              .decoder = {{"type", "Sequence"}, {"decoders", std::move(decoders)}},
              .model = Model(spec)};
  if (spec.unknown_id) {
    parts.model["unk_token"] = spec.tokens[static_cast<size_t>(*spec.unknown_id)];
    parts.model["fuse_unk"] = true;
  }
  parts.model["byte_fallback"] = true;
  parts.model["merges"] = MergesByScore(spec);
  return parts;
}

absl::StatusOr<PreTokenizerFamily> FamilyOf(const TokenizerSpec& spec) {
  PreTokenizerFamily family;
  if (!spec.split_regex.empty()) {
    family.split_regexes = {spec.split_regex};
  } else if (!spec.scores.empty()) {
    family.add_bos_token = true;
  } else if (const auto known = FindPreTokenizerFamily(spec.pre_tokenizer)) {
    family = *known;
  } else {
    return absl::InvalidArgumentError(absl::StrCat("tokenizer: unknown pre-tokenizer '",
                                                   spec.pre_tokenizer,
                                                   "', expected one of ",
                                                   absl::StrJoin(PreTokenizerFamilyNames(), ", ")));
  }
  return family;
}

// The special tokens of the spec by their roles.
Json SpecialTokensMap(const TokenizerSpec& spec) {
  Json map = Json::object();
  const auto name_token = [&](const char* name, std::optional<int32_t> id) {
    if (id) map[name] = spec.tokens[static_cast<size_t>(*id)];
  };
  name_token("bos_token", spec.bos_id);
  name_token("eos_token", spec.eos_id);
  name_token("unk_token", spec.unknown_id);
  name_token("pad_token", spec.padding_id);
  return map;
}

absl::Status WriteJson(const Json& json, const std::string& directory, const std::string& name) {
  // Tokens that are not valid UTF-8 cannot be written as JSON; `strict` makes dump() throw for
  // them.
  std::string text;
  try {
    text = json.dump(2, ' ', false, Json::error_handler_t::strict);
  } catch (const nlohmann::json::exception&) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer: a text for ", name, " is not valid UTF-8"));
  }
  return base::WriteFileAtomically(base::JoinPath(directory, name), text + "\n");
}

absl::Status WriteGenerationConfig(const TokenizerSpec& spec, const std::string& directory) {
  if (spec.extra_stop_ids.empty()) return absl::OkStatus();
  std::vector<int32_t> stop_ids;
  if (spec.eos_id) stop_ids.push_back(*spec.eos_id);
  for (const int32_t id : spec.extra_stop_ids) {
    if (std::find(stop_ids.begin(), stop_ids.end(), id) == stop_ids.end()) stop_ids.push_back(id);
  }
  Json generation = Json::object();
  if (spec.bos_id) generation["bos_token_id"] = *spec.bos_id;
  generation["eos_token_id"] = stop_ids;
  return WriteJson(generation, directory, "generation_config.json");
}

}  // namespace

absl::Status WriteTokenizerJson(const TokenizerSpec& spec, const std::string& directory) {
  CR_RETURN_IF_ERROR(Check(spec));
  CR_ASSIGN_OR_RETURN(const PreTokenizerFamily family, FamilyOf(spec));
  const bool add_bos = spec.add_bos_token.value_or(family.add_bos_token && spec.bos_id);
  if (add_bos && !spec.bos_id) {
    return absl::InvalidArgumentError(
        "tokenizer: texts shall start with a BOS token, but none is set");
  }

  Json added_tokens = Json::array();
  Json added_tokens_decoder = Json::object();
  const size_t num_tokens = UsedTokens(spec);
  for (size_t id = 0; id < num_tokens; ++id) {
    const TokenType type = TypeOf(spec, id);
    if (!IsAdded(type)) continue;
    const Json token = AddedToken(spec.tokens[id], IsSpecial(type));
    Json with_id = {{"id", id}};
    with_id.update(token);
    added_tokens.push_back(std::move(with_id));
    added_tokens_decoder[std::to_string(id)] = token;
  }

  const Json special_tokens_map = SpecialTokensMap(spec);
  Json config = {{"add_bos_token", add_bos},
                 {"add_prefix_space", false},
                 {"added_tokens_decoder", std::move(added_tokens_decoder)},
                 {"clean_up_tokenization_spaces", false},
                 {"tokenizer_class", "PreTrainedTokenizerFast"}};
  config.update(special_tokens_map);
  if (!spec.chat_template.empty()) config["chat_template"] = spec.chat_template;

  const bool is_byte_level = spec.scores.empty();
  const Json no_bos = is_byte_level ? ByteLevel(true) : Json(nullptr);
  Parts parts = is_byte_level ? ByteLevelParts(spec, family) : SentencePieceParts(spec);
  const Json post_processor =
      add_bos ? PostProcessor(
                    spec.tokens[static_cast<size_t>(*spec.bos_id)], *spec.bos_id, is_byte_level)
              : no_bos;
  const Json tokenizer = {{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", std::move(added_tokens)},
                          {"normalizer", std::move(parts.normalizer)},
                          {"pre_tokenizer", std::move(parts.pre_tokenizer)},
                          {"post_processor", post_processor},
                          {"decoder", std::move(parts.decoder)},
                          {"model", std::move(parts.model)}};

  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  CR_RETURN_IF_ERROR(WriteJson(tokenizer, directory, "tokenizer.json"));
  CR_RETURN_IF_ERROR(WriteJson(config, directory, "tokenizer_config.json"));
  CR_RETURN_IF_ERROR(WriteJson(special_tokens_map, directory, "special_tokens_map.json"));
  return WriteGenerationConfig(spec, directory);
}

}  // namespace convrec::tokenizer
