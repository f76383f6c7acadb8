#include "libs/jinja/literal.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/text/unicode_text.h"

namespace convrec::jinja {
namespace {

std::optional<int> DigitOf(char c, int base) {
  int digit = base;
  if (c >= '0' && c <= '9') digit = c - '0';
  if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
  if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
  return digit < base ? std::optional<int>(digit) : std::nullopt;
}

// Digits at the beginning, up to `most`.
size_t NumDigits(std::string_view text, int base, size_t most) {
  size_t count = 0;
  while (count < std::min(most, text.size()) && DigitOf(text[count], base)) ++count;
  return count;
}

absl::Status AppendCharacter(uint64_t code, std::string* out) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return absl::InvalidArgumentError("a string has an escape that is no character");
  }
  const auto c = static_cast<char32_t>(code);
  *out += text::EncodeUtf8({&c, 1});
  return absl::OkStatus();
}

// The escape at the beginning of `source`, after its backslash; returns its length in bytes.
absl::StatusOr<size_t> ReadEscape(std::string_view source, std::string* out) {
  constexpr std::string_view kLetters = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  const char c = source[0];
  if (c == '\n') return 1;
  if (const size_t at = kLetters.find(c); at != std::string_view::npos) {
    *out += kMeanings[at];
    return 1;
  }
  size_t begin = 1;
  size_t size = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  int base = 16;
  if (c >= '0' && c <= '7') {
    begin = 0;
    base = 8;
    size = NumDigits(source, 8, 3);
  } else if (c == 'N') {
    return absl::InvalidArgumentError("a string has an escape \\N{...}, which is not supported");
  } else if (size == 0) {  // No escape: both characters stay.
    *out += {'\\', c};
    return 1;
  }
  if (NumDigits(source.substr(begin), base, size) < size) {
    return absl::InvalidArgumentError(
        absl::StrCat("a string has an escape \\", std::string(1, c), " with too few digits"));
  }
  uint64_t code = 0;
  for (const char digit : source.substr(begin, size)) {
    code = code * static_cast<uint64_t>(base) + static_cast<uint64_t>(*DigitOf(digit, base));
  }
  CR_RETURN_IF_ERROR(AppendCharacter(code, out));
  return begin + size;
}

// Digits with single underscores between them.
size_t SizeOfDigits(std::string_view text, int base, bool may_begin_with_underscore = false) {
  size_t size = 0;
  while (size < text.size()) {
    const bool has_underscore =
        text[size] == '_' && (size > 0 || may_begin_with_underscore) && size + 1 < text.size();
    const size_t digit = size + (has_underscore ? 1 : 0);
    if (!DigitOf(text[digit], base)) break;
    size = digit + 1;
  }
  return size;
}

std::string WithoutUnderscores(std::string_view text) {
  std::string result(text);
  std::erase(result, '_');
  return result;
}

// The size of a float, or 0.
size_t SizeOfFloat(std::string_view source) {
  const size_t whole = SizeOfDigits(source, 10);
  size_t size = whole;
  if (size < source.size() && source[size] == '.') {
    const size_t fraction = SizeOfDigits(source.substr(size + 1), 10);
    if (fraction > 0) size += 1 + fraction;
  }
  const std::string_view rest = source.substr(size);
  if (rest.size() > 1 && (rest[0] == 'e' || rest[0] == 'E')) {
    const size_t sign = rest[1] == '+' || rest[1] == '-' ? 1 : 0;
    const size_t exponent = SizeOfDigits(rest.substr(1 + sign), 10);
    if (exponent > 0) return size + 1 + sign + exponent;
  }
  return size > whole ? size : 0;
}

absl::StatusOr<Literal> ReadInteger(std::string_view source) {
  int base = 10;
  if (source.size() > 1 && source[0] == '0') {
    const char mark = source[1];
    if (mark == 'b' || mark == 'B') base = 2;
    if (mark == 'o' || mark == 'O') base = 8;
    if (mark == 'x' || mark == 'X') base = 16;
  }
  size_t begin = base == 10 ? 0 : 2;
  size_t size = SizeOfDigits(source.substr(begin), base, base != 10);
  if (size == 0) {  // "0x" without digits is 0, followed by a name.
    begin = 0;
    base = 10;
    size = 1;
  }
  if (base == 10 && source[0] == '0') {
    size = std::min(size, std::min(source.find_first_not_of("0_"), source.size()));
    if (source[size - 1] == '_') --size;
  }
  const std::string digits = WithoutUnderscores(source.substr(begin, size));
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc()) return absl::InvalidArgumentError("an integer needs more than 64 bits");
  return Literal{Value(value), begin + size};
}

}  // namespace

absl::StatusOr<Literal> ReadString(std::string_view source) {
  std::string text;
  for (size_t i = 1; i < source.size();) {
    if (source[i] == source[0]) return Literal{Value::OfText(std::move(text)), i + 1};
    if (source[i] != '\\') {
      text += source[i++];
      continue;
    }
    if (i + 1 == source.size()) break;
    CR_ASSIGN_OR_RETURN(const size_t size, ReadEscape(source.substr(i + 1), &text));
    i += 1 + size;
  }
  return absl::InvalidArgumentError("the string has no end");
}

absl::StatusOr<Literal> ReadNumber(std::string_view source, bool is_behind_dot) {
  const size_t size = is_behind_dot ? 0 : SizeOfFloat(source);
  if (size == 0) return ReadInteger(source);
  const std::string digits = WithoutUnderscores(source.substr(0, size));
  return Literal{Value(std::strtod(digits.c_str(), nullptr)), size};
}

}  // namespace convrec::jinja
