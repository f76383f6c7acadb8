// Spaces at the beginning of a text that its tokens have but the text does not. A tokenizer of the
// SentencePiece kind puts one there before it encodes.
#pragma once

namespace convrec::tokenizer {

struct LeadingSpaces {
  int at_most = 0;                  // At the beginning of the decoded text.
  bool all_of_first_token = false;  // For the first token that is text.
};

}  // namespace convrec::tokenizer
