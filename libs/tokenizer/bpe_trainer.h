// Trains a byte-level BPE tokenizer from texts like the trainer of the Python package `tokenizers`:
// the same texts and options give the same vocabulary and merges.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/tokenizer/families.h"
#include "libs/tokenizer/tokenizer_writer.h"

namespace convrec::tokenizer {

struct BpeTrainerOptions {
  // Special tokens, the 256 bytes and as many merges as fit; at least the number of the first two.
  int32_t vocab_size = 0;
  // Each match and each text between two matches is a piece; tokens never cross its border. With a
  // pattern that matches whole film titles, a title can become one token.
  std::string split_regex = kGpt2SplitRegex;
  // They get the first ids, in this order.
  std::vector<std::string> special_tokens;
  // Roles of special tokens; "" = no such token.
  std::string bos_token;
  std::string eos_token;
  std::string padding_token;
  // A pair that occurs less often is not merged.
  int64_t min_pair_count = 2;
  // At most this many merges; 0 = what vocab_size allows.
  int32_t max_merges = 0;
  // No token gets longer; 0 = no limit.
  int32_t max_token_bytes = 0;
};

// Deterministic: of pairs that occur equally often the one with the smaller ids is merged first.
// InvalidArgument for a vocab_size that is too small, duplicate special tokens, roles that do not
// name one of them, and a malformed regex.
absl::StatusOr<TokenizerSpec> TrainBpe(std::span<const std::string> texts,
                                       const BpeTrainerOptions& options);

// TrainBpe() and WriteTokenizerJson() into `directory`.
absl::Status TrainBpeInto(std::span<const std::string> texts,
                          const BpeTrainerOptions& options,
                          const std::string& directory);

}  // namespace convrec::tokenizer
