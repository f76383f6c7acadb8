#include "libs/config/text_lists.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace convrec::config {

std::vector<std::string> ParseWordList(const std::string& text) {
  std::vector<std::string> words;
  if (absl::StripAsciiWhitespace(text).empty()) return words;
  for (const absl::string_view part : absl::StrSplit(text, ','))
    words.emplace_back(absl::StripAsciiWhitespace(part));
  return words;
}

std::optional<std::vector<double>> ParseNumberList(const std::string& text) {
  std::vector<double> numbers;
  for (const std::string& word : ParseWordList(text)) {
    double number = 0;
    if (!absl::SimpleAtod(word, &number) || !std::isfinite(number)) return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace convrec::config
