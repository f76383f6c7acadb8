// Spaces at the beginning of a text that its tokens have and the text has not: a tokenizer of the
// SentencePiece kind puts one there before it encodes.
#pragma once

namespace convrec::tokenizer {

struct LeadingSpaces {
  int at_most = 0;                  // Of the decoded text.
  bool all_of_first_token = false;  // Of the first token that is text.
};

}  // namespace convrec::tokenizer
