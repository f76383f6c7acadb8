// UTF-8 at the edges of a tokenizer: makes incoming text valid, and passes on outgoing bytes in
// whole characters.
#pragma once

#include <string>
#include <string_view>

namespace convrec::text {

// Every maximal invalid sequence becomes one U+FFFD, as Unicode recommends.
std::string ReplaceInvalidUtf8(std::string_view text);

// Turns the bytes of generated tokens, which may end in the middle of a character, into increments
// that are valid UTF-8. The concatenated increments equal ReplaceInvalidUtf8(all bytes). Not
// thread-safe.
class Utf8Stream final {
 public:
  // The characters that `bytes` completes; an incomplete character waits for more bytes.
  std::string Push(std::string_view bytes);
  // Ends the stream. An incomplete character can no longer be completed and gives U+FFFD; otherwise
  // "".
  std::string Finish();

 private:
  std::string open_;
};

}  // namespace convrec::text
