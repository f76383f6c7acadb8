#include "libs/jinja/percent_format.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/number_format.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

class PercentFormatter {
 public:
  PercentFormatter(Meter* meter, const Value& format, const Value& arguments)
      : meter_(meter),
        rest_(format.text()),
        is_markup_(format.is_markup()),
        arguments_(arguments) {}

  absl::StatusOr<std::string> Run() {
    std::string out;
    while (!rest_.empty()) {
      const size_t percent = std::min(rest_.find('%'), rest_.size());
      out += rest_.substr(0, percent);
      rest_.remove_prefix(percent);
      if (rest_.empty()) break;
      CR_ASSIGN_OR_RETURN(const std::string part, FormatNext());
      out += part;
      CR_RETURN_IF_ERROR(meter_->CheckText(out.size()));
      CR_RETURN_IF_ERROR(meter_->WorkOnBytes(part.size()));
    }
    if (num_taken_ < NumArguments() && !arguments_.is_mapping()) {
      return EvaluationError("not all arguments converted during string formatting");
    }
    return out;
  }

 private:
  size_t NumArguments() const { return arguments_.is_tuple() ? arguments_.items().size() : 1; }

  absl::StatusOr<Value> TakeArgument() {
    if (num_taken_ >= NumArguments()) {
      return EvaluationError("not enough arguments for format string");
    }
    ++num_taken_;
    return arguments_.is_tuple() ? arguments_.items()[num_taken_ - 1] : arguments_;
  }

  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::StatusOr<Value> TakeNamed() {
    const size_t end = rest_.find(')');
    if (end == std::string_view::npos) return EvaluationError("incomplete format key");
    if (!arguments_.is_mapping()) return EvaluationError("format requires a mapping");
    const std::string name(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    const Value* value = arguments_.mapping().Find(name);
    if (value == nullptr) return EvaluationError(absl::StrCat("the key '", name, "' is missing"));
    return *value;
  }

  absl::StatusOr<uint64_t> TakeNumber() {
    if (Take('*')) {
      CR_ASSIGN_OR_RETURN(const Value value, TakeArgument());
      if (!value.is_integral() || value.int_value() < 0) return EvaluationError("* wants int");
      return static_cast<uint64_t>(value.int_value());
    }
    uint64_t number = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      number = 10 * number + static_cast<uint64_t>(rest_.front() - '0');
      if (number > INT32_MAX) return EvaluationError("width too big");
      rest_.remove_prefix(1);
    }
    return number;
  }

  // The specification that begins with the percent sign.
  absl::StatusOr<std::string> FormatNext() {
    Take('%');
    std::optional<Value> named;
    if (Take('(')) {
      CR_ASSIGN_OR_RETURN(named, TakeNamed());
    }
    FormatSpec spec;
    for (bool is_flag = true; is_flag;) {
      is_flag = false;
      if (Take('-')) is_flag = true, spec.align = '<';
      if (Take('+')) is_flag = true, spec.sign = '+';
      if (Take(' ')) is_flag = true, spec.sign = spec.sign == '+' ? '+' : ' ';
      if (Take('#')) is_flag = spec.is_alternate = true;
      if (Take('0')) is_flag = spec.is_zero_padded = true;
    }
    CR_ASSIGN_OR_RETURN(spec.width, TakeNumber());
    if (Take('.')) {
      CR_ASSIGN_OR_RETURN(const uint64_t precision, TakeNumber());
      if (precision > 1000) return EvaluationError("precision too big");
      spec.precision = static_cast<int>(precision);
    }
    while (Take('h') || Take('l') || Take('L')) {
    }
    if (rest_.empty()) return EvaluationError("incomplete format");
    spec.type = rest_.front();
    rest_.remove_prefix(1);
    if (spec.type == '%') return std::string("%");
    if (!named) {
      CR_ASSIGN_OR_RETURN(named, TakeArgument());
    }
    return Format(*named, spec);
  }

  absl::StatusOr<std::string> Format(const Value& value, FormatSpec spec) {
    if (spec.type == 'r' || spec.type == 's' || spec.type == 'c') return FormatText(value, spec);
    const bool is_integer = std::string_view("diuoxX").find(spec.type) != std::string_view::npos;
    if (!is_integer && std::string_view("eEfFgG").find(spec.type) == std::string_view::npos) {
      return EvaluationError(
          absl::StrCat("unsupported format character '", std::string(1, spec.type), "'"));
    }
    if (value.is_undefined()) return value.UndefinedError();
    if (!value.is_number()) {
      return EvaluationError(absl::StrCat("%",
                                          std::string(1, spec.type),
                                          " format: a real number is required, not ",
                                          value.type_name()));
    }
    if (spec.align == '<') spec.is_zero_padded = false;
    if (spec.is_zero_padded) spec.fill = "0";
    return is_integer ? FormatInteger(value, spec) : FormatValue(meter_, value, spec);
  }

  absl::StatusOr<std::string> FormatInteger(const Value& value, FormatSpec spec) {
    const bool is_decimal = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
    if (is_decimal) spec.type = 'd';
    Value integer = value;
    if (value.is_float()) {
      const double whole = std::trunc(value.float_value());
      if (!is_decimal || !(std::abs(whole) < 9e18)) {
        return EvaluationError(
            absl::StrCat("%", std::string(1, spec.type), " format: an integer is required"));
      }
      integer = Value(static_cast<int64_t>(whole));
    }
    // Here the precision is a number of digits.
    const auto num_digits = static_cast<size_t>(spec.precision.value_or(0));
    spec.precision.reset();
    if (num_digits == 0) return FormatValue(meter_, integer, spec);
    FormatSpec digits = spec;
    digits.width = num_digits + (integer.int_value() < 0 || spec.sign != '-' ? 1 : 0) +
                   (spec.is_alternate && !is_decimal ? 2 : 0);
    digits.align = 0;
    digits.fill = "0";
    digits.is_zero_padded = true;
    CR_ASSIGN_OR_RETURN(const std::string text, FormatValue(meter_, integer, digits));
    spec.fill = " ";
    return Pad(meter_, text, spec, '>');
  }

  absl::StatusOr<std::string> FormatText(const Value& value, const FormatSpec& spec) {
    std::string text;
    if (spec.type == 'r') {
      CR_ASSIGN_OR_RETURN(text, Repr(meter_, value));
    } else if (spec.type == 'c' && value.is_integral()) {
      CR_ASSIGN_OR_RETURN(const Value character, CharacterOf(value.int_value()));
      text = character.text();
    } else {
      if (spec.type == 'c' && (!value.is_text() || NumCharacters(value.text()) != 1)) {
        return EvaluationError("%c requires int or char");
      }
      CR_ASSIGN_OR_RETURN(text, ToText(meter_, value));
    }
    if (is_markup_ && !value.is_markup()) text = EscapeHtml(text);
    if (spec.precision) text.resize(ByteOfCharacter(text, static_cast<size_t>(*spec.precision)));
    FormatSpec padding = spec;
    padding.fill = " ";
    return Pad(meter_, text, padding, '>');
  }

  Meter* const meter_;
  std::string_view rest_;
  const bool is_markup_;
  const Value& arguments_;
  size_t num_taken_ = 0;
};

}  // namespace

absl::StatusOr<Value> FormatPercent(Meter* meter, const Value& format, const Value& arguments) {
  CR_ASSIGN_OR_RETURN(std::string text, PercentFormatter(meter, format, arguments).Run());
  return MakeText(meter, std::move(text), format.is_markup());
}

}  // namespace convrec::jinja
