#include "libs/tokenizer/tokenizer.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/digest.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/text/unicode_text.h"
#include "libs/text/utf8.h"
#include "libs/tokenizer/added_tokens.h"
#include "libs/tokenizer/bpe.h"
#include "libs/tokenizer/byte_alphabet.h"
#include "libs/tokenizer/detokenizer.h"
#include "libs/tokenizer/end_of_turn.h"
#include "libs/tokenizer/pre_tokenizer.h"
#include "libs/tokenizer/tokenizer_definition.h"

namespace convrec::tokenizer {
namespace {

using SpecialTokens = AddedTokenMatcher::SpecialTokens;

// A digest of everything that determines ids; every text is preceded by its length, so that
// different contents never give the same bytes.
std::string DigestOf(const TokenizerDefinition& definition, const SpecialIds& special) {
  base::Digester digester;
  const auto number = [&](int64_t value) { digester.Update(&value, sizeof(value)); };
  const auto text = [&](const std::string& value) {
    number(static_cast<int64_t>(value.size()));
    digester.Update(value.data(), value.size());
  };
  const auto ids = [&](const std::vector<int32_t>& values) {
    number(static_cast<int64_t>(values.size()));
    for (const int32_t value : values) number(value);
  };
  number(static_cast<int64_t>(definition.tokens.size()));
  for (size_t i = 0; i < definition.tokens.size(); ++i) {
    text(definition.tokens[i]);
    number(static_cast<int64_t>(definition.kinds[i]));
  }
  number(static_cast<int64_t>(definition.merges.size()));
  for (const Bpe::Merge& merge : definition.merges) {
    for (const int32_t id : {merge.left, merge.right, merge.merged}) number(id);
  }
  number(static_cast<int64_t>(definition.added_tokens.size()));
  for (const AddedToken& token : definition.added_tokens) {
    number(token.id);
    for (const bool flag :
         {token.is_special, token.single_word, token.lstrip, token.rstrip, token.normalized}) {
      number(flag);
    }
  }
  number(static_cast<int64_t>(definition.normalizers.size()));
  for (const NormalizerStep& step : definition.normalizers) {
    number(static_cast<int64_t>(step.kind));
    number(static_cast<int64_t>(step.form));
    text(step.regex);
    text(step.text);
  }
  number(static_cast<int64_t>(definition.pre_tokenizer.size()));
  for (const PreTokenizerStep& step : definition.pre_tokenizer) {
    text(step.space);
    number(static_cast<int64_t>(step.prefix_space));
    text(step.regex);
    number(static_cast<int64_t>(step.behavior));
    number(step.invert);
  }
  number(static_cast<int64_t>(definition.alphabet));
  number(definition.byte_fallback);
  for (const auto& [from, to] : definition.decoder.replacements) {
    text(from);
    text(to);
  }
  number(definition.decoder.reads_byte_tokens);
  for (const auto& id : {definition.unknown_id, special.bos_id, special.eos_id}) {
    number(id.value_or(-1));
  }
  number(definition.fuse_unknown);
  number(definition.ignore_merges);
  for (const auto* list : {&definition.prefix_ids, &definition.suffix_ids, &special.stop_ids}) {
    ids(*list);
  }
  return digester.Finish();
}

// The byte of "<0x0A>".
std::optional<uint8_t> ByteOf(const std::string& token) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  const size_t high = kDigits.find(token[3]);
  const size_t low = kDigits.find(token[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<uint8_t>(high << 4 | low);
}

// What a token spells as text; for an added token only if it is decoded like others.
std::string TextOf(const std::string& token, bool is_added, const TokenizerDefinition& definition) {
  if (definition.alphabet == TokenAlphabet::kBytes) {
    return is_added ? token : FromByteLevel(token).value_or(token);
  }
  std::string text = token;
  for (const auto& [from, to] : definition.decoder.replacements) {
    text = absl::StrReplaceAll(text, {{from, to}});
  }
  const std::optional<uint8_t> byte =
      definition.decoder.reads_byte_tokens ? ByteOf(text) : std::nullopt;
  return byte ? std::string(1, static_cast<char>(*byte)) : text;
}

// The code point of a text of one character.
std::optional<int32_t> OnlyCharacter(const std::string& text) {
  if (text.empty() || !text::IsValidUtf8(text)) return std::nullopt;
  size_t end = 0;
  UChar32 code_point = 0;
  U8_NEXT(reinterpret_cast<const uint8_t*>(text.data()), end, text.size(), code_point);
  if (end != text.size()) return std::nullopt;
  return code_point;
}

Bpe MakeBpe(const TokenizerDefinition& definition, const std::vector<std::string>& token_text) {
  Bpe::Options options;
  options.merges = definition.merges;
  options.unknown_id = definition.unknown_id;
  options.fuse_unknown = definition.fuse_unknown;
  options.id_of_byte.fill(-1);
  const bool is_byte_level = definition.alphabet == TokenAlphabet::kBytes;
  if (!is_byte_level) options.id_of_character.emplace();
  for (size_t i = 0; i < definition.tokens.size(); ++i) {
    const std::string& token = definition.tokens[i];
    const auto id = static_cast<int32_t>(i);
    if (definition.kinds[i] != TokenKind::kModel) continue;
    // A token outside the byte-level alphabet can never result from bytes.
    if (is_byte_level && !FromByteLevel(token)) continue;
    std::optional<uint8_t> byte;
    if (!is_byte_level) {
      if (definition.byte_fallback) byte = ByteOf(token);
      if (const auto character = OnlyCharacter(token)) (*options.id_of_character)[*character] = id;
    } else if (token_text[i].size() == 1) {
      byte = static_cast<uint8_t>(token_text[i][0]);
    }
    if (byte) options.id_of_byte[*byte] = id;
    if (definition.ignore_merges) options.whole_pieces[is_byte_level ? token_text[i] : token] = id;
  }
  return Bpe(std::move(options));
}

}  // namespace

struct Tokenizer::State {
  std::vector<std::string> token_text;
  std::vector<std::string> token_bytes;
  std::string no_text;  // Text of ids that are not tokens.
  std::vector<bool> is_special;
  absl::flat_hash_map<std::string, int32_t> id_of_text;
  AddedTokenMatcher raw_matcher{{}};         // Added tokens that are searched for in the raw text,
  AddedTokenMatcher normalized_matcher{{}};  // and in the normalized text.
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  LeadingSpaces leading_spaces;
  std::optional<Bpe> bpe;
  std::vector<int32_t> prefix_ids;
  std::vector<int32_t> suffix_ids;
  SpecialIds special;
  std::vector<std::string> warnings;
  std::string digest;

  void AddTokens(const TokenizerDefinition& definition);
  // Adds the token with which the chat template ends an answer to the stop ids.
  void AddEndOfTurn(const TokenizerDefinition& definition);
  void EncodePieces(std::string_view text, TextPlace place, std::vector<int32_t>* ids) const;
  void EncodeRaw(std::string_view text,
                 TextPlace begin,
                 SpecialTokens special_tokens,
                 std::vector<int32_t>* ids) const;
};

void Tokenizer::State::AddTokens(const TokenizerDefinition& definition) {
  is_special.resize(definition.tokens.size());
  std::vector<bool> is_added(definition.tokens.size());
  std::vector<AddedToken> raw_tokens;
  std::vector<AddedToken> normalized_tokens;
  // As in the reference, a token that is searched for in the normalized text is decoded in that
  // form.
  std::vector<std::string> spelled = definition.tokens;
  for (AddedToken token : definition.added_tokens) {
    is_added[static_cast<size_t>(token.id)] = true;
    is_special[static_cast<size_t>(token.id)] = token.is_special;
    if (token.normalized) {
      token.content = normalizer.Normalize(token.content, TextPlace::kBegin);
      if (definition.alphabet == TokenAlphabet::kCharacters)
        spelled[static_cast<size_t>(token.id)] = token.content;
      normalized_tokens.push_back(std::move(token));
    } else {
      raw_tokens.push_back(std::move(token));
    }
  }
  raw_matcher = AddedTokenMatcher(std::move(raw_tokens));
  normalized_matcher = AddedTokenMatcher(std::move(normalized_tokens));

  for (size_t id = 0; id < definition.tokens.size(); ++id) {
    const std::string& token = definition.tokens[id];
    // A special token adds nothing to a text and keeps its name.
    token_text.push_back(is_special[id] ? token : TextOf(spelled[id], is_added[id], definition));
    token_bytes.push_back(is_special[id] ? "" : token_text.back());
    if (definition.kinds[id] == TokenKind::kNone) continue;
    // If tokens read the same, an added one has the name, otherwise one that is not a single byte.
    const auto [entry, is_new] = id_of_text.emplace(token_text.back(), static_cast<int32_t>(id));
    const bool names_byte = definition.alphabet == TokenAlphabet::kCharacters && !is_new &&
                            ByteOf(definition.tokens[static_cast<size_t>(entry->second)]);
    if (!is_new && (is_added[id] || names_byte)) entry->second = static_cast<int32_t>(id);
  }
}

void Tokenizer::State::AddEndOfTurn(const TokenizerDefinition& definition) {
  if (special.chat_template.empty()) return;
  const auto token_at = [&](std::string_view text) {
    const AddedToken* longest = nullptr;
    for (const AddedToken& token : definition.added_tokens) {
      const bool is_there = text.substr(0, token.content.size()) == token.content;
      const size_t size = longest == nullptr ? 0 : longest->content.size();
      if (is_there && token.content.size() > size) longest = &token;
    }
    return longest == nullptr ? std::nullopt : std::optional<int32_t>(longest->id);
  };
  const std::optional<int32_t> end =
      FindEndOfTurn(special.chat_template, special.named_tokens, token_at);
  if (!end) return;
  std::vector<int32_t>& ids = special.stop_ids;
  const auto place = std::lower_bound(ids.begin(), ids.end(), *end);
  if (place != ids.end() && *place == *end) return;
  warnings.push_back(absl::StrCat("the chat template ends an answer by '",
                                  token_text[static_cast<size_t>(*end)],
                                  "' (token ",
                                  *end,
                                  "), which no configuration names as an end: it ends a generation "
                                  "too; name it as eos_token_id in generation_config.json"));
  ids.insert(place, *end);
}

absl::StatusOr<std::unique_ptr<const Tokenizer>> Tokenizer::Create(const TokenizerFiles& files) {
  CR_ASSIGN_OR_RETURN(const TokenizerDefinition definition,
                      ParseTokenizerDefinition(files.tokenizer_json,
                                               base::JoinPath(files.directory, "tokenizer.json")));
  auto state = std::make_unique<State>();
  CR_ASSIGN_OR_RETURN(state->normalizer, Normalizer::Create(definition.normalizers));
  state->AddTokens(definition);
  CR_ASSIGN_OR_RETURN(state->pre_tokenizer, PreTokenizer::Create(definition.pre_tokenizer));
  state->bpe.emplace(MakeBpe(definition, state->token_text));
  state->leading_spaces = definition.decoder.left_out;
  state->prefix_ids = definition.prefix_ids;
  state->suffix_ids = definition.suffix_ids;
  const auto id_of = [&](const std::string& content) -> std::optional<int32_t> {
    const auto entry = state->id_of_text.find(content);
    if (entry == state->id_of_text.end()) return std::nullopt;
    return entry->second;
  };
  CR_ASSIGN_OR_RETURN(state->special,
                      ReadSpecialIds(files, static_cast<int32_t>(definition.tokens.size()), id_of));
  state->AddEndOfTurn(definition);
  state->digest = DigestOf(definition, state->special);
  return std::unique_ptr<const Tokenizer>(new Tokenizer(std::move(state)));
}

Tokenizer::Tokenizer(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Tokenizer::~Tokenizer() = default;

void Tokenizer::State::EncodePieces(std::string_view text,
                                    TextPlace place,
                                    std::vector<int32_t>* ids) const {
  std::deque<std::string> storage;
  for (const std::string_view piece : pre_tokenizer.Split(text, place, &storage))
    bpe->Encode(piece, ids);
}

// Searches for added tokens in the raw text, normalizes the text between them and searches that
// again.
void Tokenizer::State::EncodeRaw(std::string_view text,
                                 TextPlace begin,
                                 SpecialTokens special_tokens,
                                 std::vector<int32_t>* ids) const {
  for (const auto& raw : raw_matcher.Split(text, special_tokens)) {
    if (raw.token_id) {
      ids->push_back(*raw.token_id);
      continue;
    }
    const TextPlace place = raw.text.data() == text.data() ? begin : TextPlace::kInside;
    std::string normalized;
    std::string_view segment_text = raw.text;
    if (!normalizer.empty()) {
      normalized = normalizer.Normalize(raw.text, place);
      segment_text = normalized;
    }
    for (const auto& segment : normalized_matcher.Split(segment_text, special_tokens)) {
      if (segment.token_id) {
        ids->push_back(*segment.token_id);
      } else {
        const bool is_first = segment.text.data() == segment_text.data();
        EncodePieces(segment.text, is_first ? place : TextPlace::kInside, ids);
      }
    }
  }
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  std::string valid_text;
  if (!text::IsValidUtf8(text)) {
    valid_text = text::ReplaceInvalidUtf8(text);
    text = valid_text;
  }
  std::vector<int32_t> ids;
  if (options.add_special_tokens) ids = state_->prefix_ids;
  state_->EncodeRaw(text,
                    options.continues_text ? TextPlace::kContinuation : TextPlace::kBegin,
                    options.find_special_tokens ? SpecialTokens::kFind : SpecialTokens::kLeave,
                    &ids);
  if (options.add_special_tokens) {
    ids.insert(ids.end(), state_->suffix_ids.begin(), state_->suffix_ids.end());
  }
  return ids;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids) const {
  Detokenizer detokenizer(this);
  std::string bytes;
  for (const int32_t id : ids) bytes += detokenizer.Push(id);
  return bytes;
}

const std::string& Tokenizer::TokenBytes(int32_t id) const {
  if (id < 0 || id >= vocab_size()) return state_->no_text;
  return state_->token_bytes[static_cast<size_t>(id)];
}

const std::string& Tokenizer::TokenText(int32_t id) const {
  if (id < 0 || id >= vocab_size()) return state_->no_text;
  return state_->token_text[static_cast<size_t>(id)];
}

std::optional<int32_t> Tokenizer::IdOf(const std::string& token_text) const {
  const auto entry = state_->id_of_text.find(token_text);
  if (entry == state_->id_of_text.end()) return std::nullopt;
  return entry->second;
}

bool Tokenizer::IsSpecial(int32_t id) const {
  return id >= 0 && id < vocab_size() && state_->is_special[static_cast<size_t>(id)];
}

int32_t Tokenizer::vocab_size() const { return static_cast<int32_t>(state_->token_text.size()); }
LeadingSpaces Tokenizer::leading_spaces() const { return state_->leading_spaces; }
std::optional<int32_t> Tokenizer::bos_id() const { return state_->special.bos_id; }
std::optional<int32_t> Tokenizer::eos_id() const { return state_->special.eos_id; }
const std::vector<int32_t>& Tokenizer::stop_ids() const { return state_->special.stop_ids; }
const std::string& Tokenizer::chat_template() const { return state_->special.chat_template; }
const std::string& Tokenizer::tool_chat_template() const {
  return state_->special.tool_chat_template;
}
const std::vector<std::pair<std::string, std::string>>& Tokenizer::named_tokens() const {
  return state_->special.named_tokens;
}
const std::vector<std::string>& Tokenizer::warnings() const { return state_->warnings; }
const std::string& Tokenizer::digest() const { return state_->digest; }

absl::StatusOr<std::unique_ptr<const Tokenizer>> LoadTokenizer(const std::string& model_directory) {
  CR_ASSIGN_OR_RETURN(const TokenizerFiles files, ReadTokenizerFiles(model_directory));
  CR_ASSIGN_OR_RETURN(auto tokenizer, Tokenizer::Create(files));
  for (const std::string& warning : tokenizer->warnings()) {
    CR_LOG(WARNING) << model_directory << ": " << warning;
  }
  return tokenizer;
}

}  // namespace convrec::tokenizer
