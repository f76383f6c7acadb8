// Finds added tokens (such as "<|im_start|>") in a text before it is split into pieces.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace convrec::tokenizer {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool is_special = false;   // Markup, not text; decodes to nothing.
  bool single_word = false;  // Found only between characters that are not part of a word.
  bool lstrip = false;       // Includes the white space before it.
  bool rstrip = false;       // Includes the white space after it.
  bool normalized = false;   // Searched for in the normalized text instead of the raw one.
};

// Searches for a set of tokens: the leftmost first, and the longest of those. Immutable;
// thread-safe.
class AddedTokenMatcher final {
 public:
  enum class SpecialTokens {
    kFind,
    kLeave,  // A special token in the text is left as text.
  };
  struct Segment {
    std::string_view text;  // The text between two tokens, or the token's own.
    std::optional<int32_t> token_id;
  };

  // Tokens with empty content are ignored.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  // The whole text as segments; none is empty.
  std::vector<Segment> Split(std::string_view text, SpecialTokens special_tokens) const;

 private:
  // The longest token that starts at `position`, or nullptr.
  const AddedToken* Find(std::string_view text, size_t position) const;

  std::vector<AddedToken> tokens_;
  absl::flat_hash_map<std::string, size_t> index_of_content_;
  // The lengths of the tokens that start with a byte, longest first.
  std::array<std::vector<size_t>, 256> lengths_by_first_byte_;
};

}  // namespace convrec::tokenizer
