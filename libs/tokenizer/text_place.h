// Where a stretch of text occurs. Tokenizers of the SentencePiece kind put a space before a text.
#pragma once

namespace convrec::tokenizer {

enum class TextPlace {
  kBegin,         // At the beginning of a text.
  kContinuation,  // At the beginning of a text that continues another one.
  kInside,        // After an added token.
};

}  // namespace convrec::tokenizer
