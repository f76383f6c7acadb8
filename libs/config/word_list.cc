#include "libs/config/word_list.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace convrec::config {

std::vector<std::string> ParseWordList(const std::string& text) {
  std::vector<std::string> words;
  if (absl::StripAsciiWhitespace(text).empty()) return words;
  for (const absl::string_view part : absl::StrSplit(text, ','))
    words.emplace_back(absl::StripAsciiWhitespace(part));
  return words;
}

}  // namespace convrec::config
