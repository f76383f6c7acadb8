// Filters for single values, and the lookup of all filters.
#include "libs/jinja/filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/arguments.h"
#include "libs/jinja/attributes.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/methods.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

using Result = absl::StatusOr<Value>;

Result Default(Runtime* /*runtime*/, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("default", arguments, {"default_value", "boolean"}));
  const bool is_missing = subject.is_undefined() || (bound.True(1, false) && !IsTrue(subject));
  if (!is_missing) return subject;
  return bound.Has(0) ? *bound.Get(0) : Value::OfText("");
}

Result Length(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("length", arguments, {}).status());
  if (subject.is_text()) CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(subject.text().size()));
  CR_ASSIGN_OR_RETURN(const int64_t length, LengthOf(subject));
  return Value(length);
}

Result Attr(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("attr", arguments, {"name"}, 1));
  CR_ASSIGN_OR_RETURN(const std::string_view name, bound.Text(0, ""));
  // Attributes only, no items.
  if (subject.is_mapping() && FindMethod(subject, name) == nullptr &&
      subject.mapping().Find(name) != nullptr) {
    return Value::OfUndefined(absl::StrCat("no attribute '", std::string(name), "'"));
  }
  return GetAttribute(runtime, subject, std::string(name));
}

Result Abs(Runtime* /*runtime*/, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("abs", arguments, {}).status());
  if (subject.is_float()) return Value(std::abs(subject.float_value()));
  if (subject.is_integral() && subject.int_value() != INT64_MIN) {
    return Value(std::abs(subject.int_value()));
  }
  return EvaluationError(absl::StrCat("bad operand type for abs(): '", subject.type_name(), "'"));
}

// Digits as int() reads them: surrounding blanks, a sign, underscores between digits, a prefix that
// matches the base.
std::optional<int64_t> ParseInteger(std::string_view text, int64_t base) {
  std::string digits(Strip(text, std::nullopt, Side::kBoth));
  const bool is_negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.erase(0, 1);
  if (digits.size() > 2 && digits[0] == '0') {
    const char mark = static_cast<char>(digits[1] | 0x20);
    const int64_t marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked != 0 && (base == marked || base == 0)) {
      base = marked;
      digits.erase(0, 2);
    }
  }
  if (base == 0) base = 10;
  if (base < 2 || base > 36 || digits.empty() || digits.front() == '_' || digits.back() == '_' ||
      digits.find("__") != std::string::npos) {
    return std::nullopt;
  }
  std::erase(digits, '_');
  if (digits.find_first_of("+-") != std::string::npos) return std::nullopt;
  if (is_negative) digits.insert(0, "-");
  int64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [last, error] = std::from_chars(digits.data(), end, number, static_cast<int>(base));
  if (error != std::errc() || last != end) return std::nullopt;
  return number;
}

std::optional<double> ParseFloat(std::string_view text) {
  std::string digits(Strip(text, std::nullopt, Side::kBoth));
  std::erase(digits, '_');
  // strtod() would also accept hexadecimal numbers and "nan(...)".
  if (digits.empty() || digits.find_first_of("xXpP(") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(digits.c_str(), &end);
  if (end != digits.c_str() + digits.size()) return std::nullopt;
  return number;
}

std::optional<double> AsFloat(const Value& value) {
  if (value.is_number()) return value.float_value();
  return value.is_text() ? ParseFloat(value.text()) : std::nullopt;
}

Result ToInt(Runtime* /*runtime*/, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("int", arguments, {"default", "base"}));
  CR_ASSIGN_OR_RETURN(const int64_t base, bound.Integer(1, 10));
  if (subject.is_undefined()) return subject.UndefinedError();
  if (subject.is_integral()) return Value(subject.int_value());
  if (subject.is_text()) {
    if (const auto number = ParseInteger(subject.text(), base)) return Value(*number);
  }
  if (const auto number = AsFloat(subject); number && std::isfinite(*number)) {
    const double whole = std::trunc(*number);
    if (std::abs(whole) < 9.2e18) return Value(static_cast<int64_t>(whole));
    return EvaluationError("an integer needs more than 64 bits");
  }
  return bound.Has(0) ? *bound.Get(0) : Value(int64_t{0});
}

Result ToFloat(Runtime* /*runtime*/, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("float", arguments, {"default"}));
  if (subject.is_undefined()) return subject.UndefinedError();
  if (const auto number = AsFloat(subject)) return Value(*number);
  return bound.Has(0) ? *bound.Get(0) : Value(0.0);
}

// Rounds half to even like Python, by the exact decimal value of the float.
double RoundHalfEven(double value, int64_t precision) {
  if (!std::isfinite(value) || precision > 300) return value;
  if (precision < 0) {
    if (precision < -300) return std::copysign(0.0, value);
    const double unit = std::pow(10.0, static_cast<double>(-precision));
    return std::nearbyint(value / unit) * unit;
  }
  return std::strtod(absl::StrFormat("%.*f", static_cast<int>(precision), value).c_str(), nullptr);
}

Result Round(Runtime* /*runtime*/, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("round", arguments, {"precision", "method"}));
  CR_ASSIGN_OR_RETURN(const int64_t precision, bound.Integer(0, 0));
  CR_ASSIGN_OR_RETURN(const std::string_view method, bound.Text(1, "common"));
  if (subject.is_undefined()) return subject.UndefinedError();
  if (!subject.is_number()) {
    return EvaluationError(absl::StrCat("round needs a number, not ", subject.type_name()));
  }
  if (method == "common") {
    if (subject.is_float()) return Value(RoundHalfEven(subject.float_value(), precision));
    if (precision >= 0) return Value(subject.int_value());
    return Value(
        static_cast<int64_t>(RoundHalfEven(static_cast<double>(subject.int_value()), precision)));
  }
  if (method != "ceil" && method != "floor") {
    return EvaluationError("method must be common, ceil or floor");
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = subject.float_value() * scale;
  if (!std::isfinite(scaled)) return EvaluationError("round of a number that is not finite");
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

constexpr Filter kFilters[] = {
    {"abs", Abs},
    {"attr", Attr},
    {"count", Length},
    {"d", Default},
    {"default", Default},
    {"float", ToFloat},
    {"int", ToInt},
    {"length", Length},
    {"round", Round},
};

}  // namespace

const Filter* FindFilter(std::string_view name) {
  if (const Filter* filter = FindTextFilter(name)) return filter;
  if (const Filter* filter = FindSequenceFilter(name)) return filter;
  const auto* found = std::find_if(
      std::begin(kFilters), std::end(kFilters), [&](const Filter& f) { return name == f.name; });
  return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace convrec::jinja
