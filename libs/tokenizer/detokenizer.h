// Tokens as text while they come: the bytes that each one adds to a text that begins with them.
#pragma once

#include <cstdint>
#include <string>

#include "libs/tokenizer/tokenizer.h"

namespace convrec::tokenizer {

// What Push() has given, joined, is Tokenizer::Decode() of the ids. Use TokenBytes() alone for a
// text that continues another one. Not thread-safe.
class Detokenizer final {
 public:
  // `tokenizer` must outlive the value.
  explicit Detokenizer(const Tokenizer* tokenizer);

  // May end within a character, see Utf8Stream.
  std::string Push(int32_t id);

 private:
  const Tokenizer* tokenizer_;
  LeadingSpaces left_out_;  // Of what is still to come.
};

}  // namespace convrec::tokenizer
