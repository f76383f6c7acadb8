#include "libs/text/line_format.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/text/unicode_text.h"

namespace convrec::text {
namespace {

bool IsFieldName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
  });
}

// What keeps the text from being one line that is read as it is written.
std::optional<std::string> LineProblem(std::string_view text) {
  if (!IsValidUtf8(text)) return "is not UTF-8";
  const std::u32string decoded = DecodeUtf8(text);
  if (decoded.find_first_of(U"\n\r") != std::u32string::npos) return "holds a line break";
  if (Trim(decoded).size() != decoded.size()) return "begins or ends with a space";
  return std::nullopt;
}

}  // namespace

LineFormat::LineFormat()
    : text_(kTitleAndYear), fields_({"title", "year"}), literals_({"", " (", ")"}) {}

absl::StatusOr<LineFormat> LineFormat::Parse(std::string_view text) {
  if (const auto problem = LineProblem(text)) return absl::InvalidArgumentError(*problem);
  LineFormat format;
  format.text_ = std::string(text);
  format.fields_.clear();
  format.literals_ = {""};
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '{') {
      if (text[i] == '}') return absl::InvalidArgumentError("holds \"}\" without \"{\"");
      format.literals_.back() += text[i++];
      continue;
    }
    const size_t end = std::min(text.find('}', i), text.size());
    const std::string_view name = text.substr(i + 1, end - i - 1);
    if (end == text.size() || !IsFieldName(name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "holds \"", std::string(text.substr(i, end + 1 - i)), "\", which is no field"));
    }
    if (format.HasField(name)) {
      return absl::InvalidArgumentError(absl::StrCat("names {", std::string(name), "} twice"));
    }
    format.fields_.emplace_back(name);
    format.literals_.emplace_back();
    i = end + 1;
  }
  if (format.fields_.empty()) return absl::InvalidArgumentError("names no field");
  return format;
}

bool LineFormat::HasField(std::string_view field) const {
  return std::find(fields_.begin(), fields_.end(), field) != fields_.end();
}

std::string LineFormat::Write(std::span<const std::string> values) const {
  CR_CHECK(values.size() == fields_.size());
  std::string line = literals_.front();
  for (size_t i = 0; i < values.size(); ++i) absl::StrAppend(&line, values[i], literals_[i + 1]);
  return line;
}

bool LineFormat::Fits(std::string_view line) const {
  if (!line.starts_with(literals_.front())) return false;
  line.remove_prefix(literals_.front().size());
  for (size_t i = 1; i + 1 < literals_.size(); ++i) {
    // A field holds one character at least.
    const size_t place = line.find(literals_[i], 1);
    if (place == std::string_view::npos) return false;
    line.remove_prefix(place + literals_[i].size());
  }
  return line.size() > literals_.back().size() && line.ends_with(literals_.back());
}

}  // namespace convrec::text
