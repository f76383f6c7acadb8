#include "libs/tokenizer/detokenizer.h"

#include <algorithm>

namespace convrec::tokenizer {

Detokenizer::Detokenizer(const Tokenizer* tokenizer)
    : tokenizer_(tokenizer), left_out_(tokenizer->leading_spaces()) {}

std::string Detokenizer::Push(int32_t id) {
  std::string bytes = tokenizer_->TokenBytes(id);
  if (bytes.empty()) return bytes;
  if (left_out_.all_of_first_token)
    bytes.erase(std::remove(bytes.begin(), bytes.end(), ' '), bytes.end());
  left_out_.all_of_first_token = false;
  const size_t num_spaces = std::min(bytes.find_first_not_of(' '), bytes.size());
  const size_t num_stripped = std::min(num_spaces, static_cast<size_t>(left_out_.at_most));
  // A text that has begun has no more leading spaces.
  left_out_.at_most =
      num_stripped == bytes.size() ? left_out_.at_most - static_cast<int>(num_stripped) : 0;
  return bytes.substr(num_stripped);
}

}  // namespace convrec::tokenizer
