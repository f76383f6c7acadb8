#include "libs/text/utf8.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace convrec::text {
namespace {

// The length of a last character that more bytes could still complete; 0 if there is none.
size_t OpenTail(std::string_view bytes) {
  for (size_t length = 1; length <= std::min<size_t>(3, bytes.size()); ++length) {
    const auto* tail = reinterpret_cast<const uint8_t*>(bytes.data()) + bytes.size() - length;
    if (U8_IS_TRAIL(tail[0])) continue;
    if (!U8_IS_LEAD(tail[0])) return 0;
    // It is incomplete if some continuation makes it valid; trying the lowest and the highest is
    // enough.
    for (const uint8_t filler : {uint8_t{0x80}, uint8_t{0xBF}}) {
      uint8_t whole[4] = {filler, filler, filler, filler};
      std::copy(tail, tail + length, whole);
      int32_t position = 0;
      UChar32 code_point = 0;
      U8_NEXT(whole, position, 4, code_point);
      if (code_point >= 0 && position > static_cast<int32_t>(length)) return length;
    }
    return 0;
  }
  return 0;
}

}  // namespace

std::string ReplaceInvalidUtf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    UChar32 code_point = 0;
    U8_NEXT(bytes, i, text.size(), code_point);
    if (code_point < 0) {
      result += "\xEF\xBF\xBD";
    } else {
      result.append(text, start, i - start);
    }
  }
  return result;
}

std::string Utf8Stream::Push(std::string_view bytes) {
  open_ += bytes;
  const size_t tail = OpenTail(open_);
  const std::string_view ready(open_.data(), open_.size() - tail);
  std::string result = ReplaceInvalidUtf8(ready);
  open_.erase(0, ready.size());
  return result;
}

std::string Utf8Stream::Finish() {
  std::string result = ReplaceInvalidUtf8(open_);
  open_.clear();
  return result;
}

}  // namespace convrec::text
