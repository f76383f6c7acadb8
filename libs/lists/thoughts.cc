#include "libs/lists/thoughts.h"

#include <algorithm>

#include "libs/text/unicode_text.h"

namespace convrec::lists {

bool OpensThoughts(std::string_view line) {
  constexpr std::u32string_view kBegin = U"<think>";
  const std::u32string decoded = text::DecodeUtf8(line);
  return text::Trim(decoded).substr(0, kBegin.size()) == kBegin;
}

size_t EndOfThoughts(std::string_view text) {
  if (const size_t end = text.find(kThoughtsEnd); end != std::string_view::npos) {
    return end + kThoughtsEnd.size();
  }
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (!text::IsBlank(line)) return OpensThoughts(line) ? text.size() : 0;
    begin = end + 1;
  }
  return 0;
}

}  // namespace convrec::lists
