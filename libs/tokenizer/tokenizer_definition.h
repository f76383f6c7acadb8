// The content of a tokenizer.json as plain values, fully checked but not yet compiled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/added_tokens.h"
#include "libs/tokenizer/bpe.h"
#include "libs/tokenizer/leading_spaces.h"
#include "libs/tokenizer/normalizer.h"
#include "libs/tokenizer/pre_tokenizer.h"

namespace convrec::tokenizer {

// What the tokens of a vocabulary are written in.
enum class TokenAlphabet {
  kBytes,       // Bytes, each written as its character in byte_alphabet.h.
  kCharacters,  // Characters, and single bytes as "<0x0A>" (SentencePiece).
};

// How tokens of the alphabet kCharacters become text.
struct TokenDecoder {
  std::vector<std::pair<std::string, std::string>> replacements;  // In each token, in this order.
  bool reads_byte_tokens = false;                                 // "<0x0A>" is a byte.
  LeadingSpaces left_out;
};

enum class TokenKind : uint8_t {
  kNone,   // A hole: an id without a token.
  kModel,  // A token of the BPE model, possibly also an added token.
  kAdded,  // Only an added token.
};

struct TokenizerDefinition {
  // Index = id: every token of the model and every added token.
  std::vector<std::string> tokens;
  std::vector<TokenKind> kinds;
  TokenAlphabet alphabet = TokenAlphabet::kBytes;
  bool byte_fallback = false;  // Characters that are not tokens become byte tokens.
  std::vector<Bpe::Merge> merges;
  std::vector<AddedToken> added_tokens;
  std::vector<NormalizerStep> normalizers;  // Applied one after another.
  std::vector<PreTokenizerStep> pre_tokenizer;
  TokenDecoder decoder;
  std::optional<int32_t> unknown_id;
  bool fuse_unknown = false;
  bool ignore_merges = false;
  // What the post-processor adds before and after a text.
  std::vector<int32_t> prefix_ids;
  std::vector<int32_t> suffix_ids;
};

// Parses the text of a tokenizer.json. `file` is its name in messages. InvalidArgument names the
// field that is malformed, or that requires something other than BPE over bytes or characters.
absl::StatusOr<TokenizerDefinition> ParseTokenizerDefinition(const std::string& text,
                                                             const std::string& file);

}  // namespace convrec::tokenizer
