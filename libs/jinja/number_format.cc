#include "libs/jinja/number_format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/python_text.h"
#include "libs/text/unicode_text.h"

namespace convrec::jinja {
namespace {

constexpr uint64_t kMaxWidth = uint64_t{1} << 40;  // Larger widths are refused by the meter when
                                                   // the text is created.
constexpr int kMaxPrecision = 1000;

bool IsAlign(char c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

// Consumes digits from `text`; nullopt when it begins with none.
std::optional<uint64_t> TakeNumber(std::string_view* text) {
  std::optional<uint64_t> number;
  while (!text->empty() && text->front() >= '0' && text->front() <= '9') {
    number =
        std::min(kMaxWidth, 10 * number.value_or(0) + static_cast<uint64_t>(text->front() - '0'));
    text->remove_prefix(1);
  }
  return number;
}

bool Take(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

// Returns whether it also consumed a fill character.
bool TakeAlign(std::string_view* text, FormatSpec* spec) {
  if (text->empty()) return false;
  const size_t first = ByteOfCharacter(*text, 1);
  if (first < text->size() && IsAlign((*text)[first])) {
    spec->fill = std::string(text->substr(0, first));
    spec->align = (*text)[first];
    text->remove_prefix(first + 1);
    return true;
  }
  if (IsAlign(text->front())) {
    spec->align = text->front();
    text->remove_prefix(1);
  }
  return false;
}

absl::Status TypeError(const Value& value, const FormatSpec& spec) {
  return EvaluationError(absl::StrCat("unknown format code '",
                                      std::string(1, spec.type),
                                      "' for object of type '",
                                      value.type_name(),
                                      "'"));
}

// Separates every three (with ',') or, in other bases, four digits of the integer part.
std::string Group(const std::string& digits, char separator, size_t size) {
  const size_t whole = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  std::string grouped;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % size == 0) grouped += separator;
    grouped += digits[i];
  }
  return grouped + digits.substr(whole);
}

absl::StatusOr<std::string> FormatNumber(Meter* meter,
                                         bool is_negative,
                                         const std::string& prefix,
                                         std::string digits,
                                         const FormatSpec& spec) {
  if (spec.grouping != 0) {
    const bool is_decimal =
        std::string_view("bBoOxX").find(spec.type) == std::string_view::npos || spec.type == 0;
    digits = Group(digits, spec.grouping, is_decimal ? 3 : 4);
  }
  std::string sign = is_negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  sign += prefix;
  if (spec.align != '=' && !spec.is_zero_padded) return Pad(meter, sign + digits, spec, '>');
  FormatSpec rest = spec;
  rest.align = '>';
  rest.width = spec.width > sign.size() ? spec.width - sign.size() : 0;
  CR_ASSIGN_OR_RETURN(const std::string padded, Pad(meter, digits, rest, '>'));
  return sign + padded;
}

absl::StatusOr<std::string> FormatInteger(Meter* meter,
                                          const Value& value,
                                          const FormatSpec& spec) {
  if (spec.precision) return EvaluationError("precision not allowed in integer format specifier");
  const int64_t number = value.int_value();
  if (spec.type == 'c') {
    CR_ASSIGN_OR_RETURN(const Value text, CharacterOf(number));
    return Pad(meter, text.text(), spec, '<');
  }
  const uint64_t magnitude =
      number < 0 ? uint64_t{0} - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  std::string prefix;
  if (spec.is_alternate && std::string_view("boxX").find(spec.type) != std::string_view::npos &&
      spec.type != 0) {
    prefix = {'0', spec.type};
  }
  return FormatNumber(meter, number < 0, prefix, IntegerDigits(magnitude, spec.type), spec);
}

}  // namespace

absl::StatusOr<Value> CharacterOf(int64_t code) {
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return EvaluationError(absl::StrCat(code, " is no character"));
  }
  return Value::OfText(text::EncodeUtf8(std::u32string(1, static_cast<char32_t>(code))));
}

absl::StatusOr<FormatSpec> ParseFormatSpec(std::string_view text) {
  const std::string whole(text);
  FormatSpec spec;
  const bool has_fill = TakeAlign(&text, &spec);
  if (!text.empty() && (text[0] == '+' || text[0] == '-' || text[0] == ' ')) {
    spec.sign = text[0];
    text.remove_prefix(1);
  }
  spec.is_alternate = Take(&text, '#');
  if (!text.empty() && text[0] == '0' && !has_fill) {
    spec.fill = "0";
    spec.is_zero_padded = spec.align == 0;
  }
  spec.width = TakeNumber(&text).value_or(0);
  for (const char grouping : {',', '_'}) {
    if (Take(&text, grouping)) spec.grouping = grouping;
  }
  if (Take(&text, '.')) {
    const auto precision = TakeNumber(&text);
    if (!precision) return EvaluationError("format specifier is missing precision");
    if (*precision > kMaxPrecision) return EvaluationError("precision too big");
    spec.precision = static_cast<int>(*precision);
  }
  if (!text.empty()) {
    spec.type = text[0];
    text.remove_prefix(1);
  }
  if (!text.empty()) return EvaluationError(absl::StrCat("invalid format specifier '", whole, "'"));
  return spec;
}

std::string IntegerDigits(uint64_t magnitude, char type) {
  const uint64_t base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;
  const char* const letters = type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  do {
    digits += letters[magnitude % base];
    magnitude /= base;
  } while (magnitude > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string FloatDigits(double magnitude, const FormatSpec& spec) {
  const char upper = static_cast<char>(spec.type & ~0x20);
  if (std::isnan(magnitude) || std::isinf(magnitude)) {
    const std::string word = std::isnan(magnitude) ? "nan" : "inf";
    return (spec.type == upper && spec.type > '%' ? Upper(word) : word) +
           (spec.type == '%' ? "%" : "");
  }
  if (spec.type == 0 && !spec.precision) return FloatText(magnitude);
  const std::string type(1, spec.type == '%' ? 'f' : spec.type == 0 ? 'g' : spec.type);
  const std::string format = absl::StrCat("%", spec.is_alternate ? "#" : "", ".*", type);
  const double scaled = spec.type == '%' ? magnitude * 100 : magnitude;
  std::vector<char> buffer(static_cast<size_t>(kMaxPrecision) + 400);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int size = std::snprintf(
      buffer.data(), buffer.size(), format.c_str(), spec.precision.value_or(6), scaled);
#pragma GCC diagnostic pop
  std::string digits(buffer.data(), static_cast<size_t>(size));
  // Without a type a float keeps one digit after its point.
  if (spec.type == 0 && digits.find_first_of(".e") == std::string::npos) digits += ".0";
  return digits + (spec.type == '%' ? "%" : "");
}

absl::StatusOr<std::string> Pad(Meter* meter,
                                const std::string& text,
                                const FormatSpec& spec,
                                char default_align) {
  const uint64_t size = NumCharacters(text);
  if (size >= spec.width) return text;
  const uint64_t missing = spec.width - size;
  CR_RETURN_IF_ERROR(meter->CheckText(text.size() + missing * spec.fill.size()));
  const char align = spec.align == 0 ? default_align : spec.align;
  const uint64_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string padded;
  for (uint64_t i = 0; i < before; ++i) padded += spec.fill;
  padded += text;
  for (uint64_t i = before; i < missing; ++i) padded += spec.fill;
  return padded;
}

absl::StatusOr<std::string> FormatValue(Meter* meter, const Value& value, const FormatSpec& spec) {
  const bool is_float_type =
      spec.type != 0 && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  const bool is_integer_type =
      spec.type != 0 && std::string_view("bcdoxX").find(spec.type) != std::string_view::npos;
  if (value.is_integral() && !is_float_type) {
    if (spec.type != 0 && !is_integer_type) return TypeError(value, spec);
    return FormatInteger(meter, value, spec);
  }
  if (value.is_number()) {
    if (spec.type != 0 && !is_float_type) return TypeError(value, spec);
    const double number = value.float_value();
    return FormatNumber(meter, std::signbit(number), "", FloatDigits(std::abs(number), spec), spec);
  }
  if (!value.is_text()) {
    return EvaluationError(
        absl::StrCat("unsupported format string passed to ", value.type_name(), ".__format__"));
  }
  if (spec.type != 0 && spec.type != 's') return TypeError(value, spec);
  if (spec.align == '=' || spec.sign != '-' || spec.grouping != 0 || spec.is_alternate) {
    return EvaluationError("a text is formatted as a number");
  }
  std::string text = value.text();
  if (spec.precision) text.resize(ByteOfCharacter(text, static_cast<size_t>(*spec.precision)));
  return Pad(meter, text, spec, '<');
}

}  // namespace convrec::jinja
