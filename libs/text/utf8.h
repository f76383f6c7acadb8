// UTF-8 at the edges of a tokenizer: text coming in is made valid, bytes going out are handed on
// in whole characters.
#pragma once

#include <string>
#include <string_view>

namespace convrec::text {

// Every maximal invalid stretch becomes one U+FFFD, as Unicode recommends.
std::string ReplaceInvalidUtf8(std::string_view text);

// Turns the bytes of generated tokens, which may end in the middle of a character, into increments
// that are valid UTF-8. All increments joined equal ReplaceInvalidUtf8(all bytes). Not thread-safe.
class Utf8Stream final {
 public:
  // The characters that `bytes` completes; a character that is still open waits for more.
  std::string Push(std::string_view bytes);
  // The end of the stream: what is still open can no longer be completed, hence U+FFFD or "".
  std::string Finish();

 private:
  std::string open_;
};

}  // namespace convrec::text
