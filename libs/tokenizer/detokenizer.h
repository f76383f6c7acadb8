// Decodes tokens as they arrive: the bytes that each one adds to a text that begins with them.
#pragma once

#include <cstdint>
#include <string>

#include "libs/tokenizer/tokenizer.h"

namespace convrec::tokenizer {

// The concatenated results of Push() are Tokenizer::Decode() of the ids. For a text that continues
// another one use TokenBytes() instead. Not thread-safe.
class Detokenizer final {
 public:
  // `tokenizer` must outlive this object.
  explicit Detokenizer(const Tokenizer* tokenizer);

  // The result may end within a character, see Utf8Stream.
  std::string Push(int32_t id);

 private:
  const Tokenizer* tokenizer_;
  LeadingSpaces left_out_;  // Spaces still to be left out.
};

}  // namespace convrec::tokenizer
