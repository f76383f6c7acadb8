// Writes a tokenizer, byte-level BPE or of the SentencePiece kind, as the files of a Hugging Face
// model directory, so that LoadTokenizer() and the Python packages `tokenizers` and `transformers`
// all read it the same way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace convrec::tokenizer {

// The kind of a vocabulary entry; the numbers are those of `tokenizer.ggml.token_type`.
enum class TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,      // Written as a special added token.
  kControl = 3,      // A special added token, never generated as text and dropped by decoding.
  kUserDefined = 4,  // An added token that is text.
  kUnused = 5,       // Padding of the vocabulary; a run of them at its end is omitted.
  kByte = 6,         // "<0x0A>"; only in tokenizers of the SentencePiece kind.
};

struct TokenizerSpec {
  // Index = id. Normal tokens in the byte-level alphabet ("Ġthe") or, of the SentencePiece kind,
  // with its mark for a space ("▁the"); added tokens as plain text.
  std::vector<std::string> tokens;
  // One per token; empty = all kNormal.
  std::vector<TokenType> token_types;
  // One per token. If set, the tokenizer is of the SentencePiece kind, and the merge whose token
  // has the larger score goes first. Then there are no `merges` and no pre-tokenizer.
  std::vector<float> scores;
  // Whether such a tokenizer puts a space before a text.
  bool add_space_prefix = true;
  // Each like "Ġ t", highest rank first.
  std::vector<std::string> merges;
  // A name of families.h. Unused if `split_regex` is set.
  std::string pre_tokenizer = "gpt-2";
  // A custom split rule; each match and each text between two matches is a piece.
  std::string split_regex;
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
  std::optional<int32_t> unknown_id;
  std::optional<int32_t> padding_id;
  // Whether texts start with the BOS token; nullopt = as in the family. Needs bos_id.
  std::optional<bool> add_bos_token;
  // Ids other than eos_id that end a generation. If not empty, generation_config.json is written
  // too.
  std::vector<int32_t> extra_stop_ids;
  // Jinja text for tokenizer_config.json; empty = the model has none.
  std::string chat_template;
};

// Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json (and, for extra stop
// ids, generation_config.json) into `directory`, which is created when missing. InvalidArgument
// names what is wrong with the spec: an unknown family, ids outside the vocabulary, duplicate
// tokens, a merge of unknown tokens, a wrong number of types.
absl::Status WriteTokenizerJson(const TokenizerSpec& spec, const std::string& directory);

}  // namespace convrec::tokenizer
