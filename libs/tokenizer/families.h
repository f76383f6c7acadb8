// The byte-level pre-tokenizer families by the names that GGUF files use (`tokenizer.ggml.pre`),
// and what each one means in a tokenizer.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace convrec::tokenizer {

// The split rules of the families, in the syntax tokenizer.json files use.
extern const char kGpt2SplitRegex[];
extern const char kQwen2SplitRegex[];
extern const char kLlama3SplitRegex[];

struct PreTokenizerFamily {
  bool normalize_nfc = false;              // Text is normalized to NFC before it is split.
  bool split_digits = false;               // Every digit is a separate piece, before the regexes.
  bool use_gpt2_regex = false;             // The rule built into ByteLevel, after split_digits.
  std::vector<std::string> split_regexes;  // Applied one after another; matches are isolated.
  bool ignore_merges = false;              // A piece that is a token is not split by merges.
  bool add_bos_token = false;              // Texts start with the BOS token.
};

// "smollm", "qwen2", "llama-bpe", "gpt-2", "default", and their usual aliases; nullopt for others.
std::optional<PreTokenizerFamily> FindPreTokenizerFamily(const std::string& name);

// The names above, for error messages.
std::vector<std::string> PreTokenizerFamilyNames();

}  // namespace convrec::tokenizer
