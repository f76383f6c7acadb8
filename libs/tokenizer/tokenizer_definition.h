// The content of a tokenizer.json as plain values: all of it checked, none of it compiled yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/added_tokens.h"
#include "libs/tokenizer/bpe.h"
#include "libs/tokenizer/pre_tokenizer.h"

namespace convrec::tokenizer {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

struct TokenizerDefinition {
  // Index = id: every token of the model and every added token, without a hole.
  std::vector<std::string> tokens;
  // Tokens of the BPE model; the others are added tokens only.
  std::vector<bool> is_model_token;
  std::vector<Bpe::Merge> merges;
  std::vector<AddedToken> added_tokens;
  std::vector<UnicodeForm> normalizers;  // Applied one after the other.
  std::vector<PreTokenizerStep> pre_tokenizer;
  std::optional<int32_t> unknown_id;
  bool fuse_unknown = false;
  bool ignore_merges = false;
  // What the post-processor puts before and after a text.
  std::vector<int32_t> prefix_ids;
  std::vector<int32_t> suffix_ids;
};

// Parses the text of a tokenizer.json. `file` is its name in messages. InvalidArgument names the
// field that is malformed, or that asks for something other than byte-level BPE.
absl::StatusOr<TokenizerDefinition> ParseTokenizerDefinition(const std::string& text,
                                                             const std::string& file);

}  // namespace convrec::tokenizer
