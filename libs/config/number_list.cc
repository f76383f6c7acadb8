#include "libs/config/number_list.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace convrec::config {

std::optional<std::vector<double>> ParseNumberList(const std::string& text) {
  std::vector<double> numbers;
  if (absl::StripAsciiWhitespace(text).empty()) return numbers;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    double number = 0;
    if (!absl::SimpleAtod(part, &number) || !std::isfinite(number)) return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace convrec::config
