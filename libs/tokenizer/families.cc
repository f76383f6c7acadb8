#include "libs/tokenizer/families.h"

namespace convrec::tokenizer {

const char kGpt2SplitRegex[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char kQwen2SplitRegex[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char kLlama3SplitRegex[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::optional<PreTokenizerFamily> FindPreTokenizerFamily(const std::string& name) {
  PreTokenizerFamily family;
  if (name == "smollm") {
    family.split_digits = true;
    family.use_gpt2_regex = true;
  } else if (name == "gpt-2" || name == "gpt2") {
    family.use_gpt2_regex = true;
  } else if (name == "qwen2") {
    family.normalize_nfc = true;
    family.split_regexes = {kQwen2SplitRegex};
  } else if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") {
    family.split_regexes = {kLlama3SplitRegex};
    family.ignore_merges = true;
    family.add_bos_token = true;
  } else if (name == "default" || name.empty()) {
    // Punctuation, then the GPT-2 rule without its last branch, then numbers in runs of three.
    family.split_regexes = {
        R"([\p{P}\$\+<=>\^~\|]+)",
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))",
        R"(\p{N}+)",
        R"([0-9][0-9][0-9])",
    };
  } else {
    return std::nullopt;
  }
  return family;
}

std::vector<std::string> PreTokenizerFamilyNames() {
  return {"smollm", "qwen2", "llama-bpe", "gpt-2", "default"};
}

}  // namespace convrec::tokenizer
