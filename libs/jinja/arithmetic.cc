#include "libs/jinja/arithmetic.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/enum_names.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/percent_format.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

absl::Status OverflowError() { return EvaluationError("an integer needs more than 64 bits"); }

int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t FloorModulo(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

absl::StatusOr<Value> Power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return EvaluationError("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  for (int64_t i = 0; i < exponent; ++i) {
    if (base == 1 || base == 0) return Value(exponent == 0 ? int64_t{1} : base);
    if (base == -1) return Value(exponent % 2 == 0 ? int64_t{1} : int64_t{-1});
    if (__builtin_mul_overflow(result, base, &result)) return OverflowError();
  }
  return Value(result);
}

absl::StatusOr<Value> ApplyToIntegers(Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Operator::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return OverflowError();
      return Value(result);
    case Operator::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) return OverflowError();
      return Value(result);
    case Operator::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) return OverflowError();
      return Value(result);
    case Operator::kPower:
      return Power(a, b);
    default:
      break;
  }
  if (b == 0) return EvaluationError("division by zero");
  if (op == Operator::kDivide) return Value(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1 && a == INT64_MIN) return OverflowError();
  return Value(op == Operator::kModulo ? FloorModulo(a, b) : FloorDivide(a, b));
}

absl::StatusOr<Value> ApplyToFloats(Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd:
      return Value(a + b);
    case Operator::kSubtract:
      return Value(a - b);
    case Operator::kMultiply:
      return Value(a * b);
    case Operator::kPower: {
      if (a == 0 && b < 0) return EvaluationError("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::floor(b)) return EvaluationError("complex numbers are not supported");
      const double power = std::pow(a, b);
      if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) {
        return EvaluationError("the result of ** is too large");
      }
      return Value(power);
    }
    default:
      break;
  }
  if (b == 0) return EvaluationError("float division by zero");
  if (op == Operator::kDivide) return Value(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == Operator::kModulo) return Value(rest == 0 ? std::copysign(0.0, b) : rest);
  return Value(std::round((a - rest) / b));
}

absl::StatusOr<Value> AddTexts(Meter* meter, const Value& left, const Value& right) {
  const bool is_markup = left.is_markup() || right.is_markup();
  const auto part = [&](const Value& text) {
    return is_markup && !text.is_markup() ? EscapeHtml(text.text()) : text.text();
  };
  CR_RETURN_IF_ERROR(meter->CheckText(left.text().size() + right.text().size()));
  if (is_markup) return MakeText(meter, part(left) + part(right), true);
  return MakeText(meter, left.text() + right.text());
}

absl::StatusOr<Value> AddSequences(Meter* meter, const Value& left, const Value& right) {
  CR_RETURN_IF_ERROR(
      meter->CheckMemory((left.items().size() + right.items().size()) * sizeof(Value)));
  std::vector<Value> items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return MakeSequence(
      meter, std::move(items), left.is_list() ? SequenceKind::kList : SequenceKind::kTuple);
}

absl::StatusOr<Value> Repeat(Meter* meter, const Value& value, int64_t count) {
  const auto times = static_cast<uint64_t>(std::max<int64_t>(count, 0));
  const uint64_t size = value.is_text() ? value.text().size() : value.items().size();
  uint64_t total = 0;
  if (__builtin_mul_overflow(size, times, &total)) total = UINT64_MAX / sizeof(Value);
  if (value.is_text()) {
    CR_RETURN_IF_ERROR(meter->CheckText(total));
    std::string text;
    text.reserve(total);
    for (uint64_t i = 0; i < times && size > 0; ++i) text += value.text();
    return MakeText(meter, std::move(text), value.is_markup());
  }
  CR_RETURN_IF_ERROR(meter->CheckMemory(total * sizeof(Value)));
  std::vector<Value> items;
  for (uint64_t i = 0; i < times && size > 0; ++i) {
    items.insert(items.end(), value.items().begin(), value.items().end());
  }
  return MakeSequence(
      meter, std::move(items), value.is_list() ? SequenceKind::kList : SequenceKind::kTuple);
}

bool IsRepeatable(const Value& value) {
  return value.is_text() || value.is_list() || value.is_tuple();
}

}  // namespace

absl::StatusOr<Value> ApplyBinary(Meter* meter,
                                  Operator op,
                                  const Value& left,
                                  const Value& right) {
  if (op == Operator::kModulo && left.is_text()) {
    // Before the check: an undefined argument prints as nothing.
    return FormatPercent(meter, left, right);
  }
  if (left.is_undefined()) return left.UndefinedError();
  if (right.is_undefined()) return right.UndefinedError();
  if (left.is_integral() && right.is_integral()) {
    return ApplyToIntegers(op, left.int_value(), right.int_value());
  }
  if (left.is_number() && right.is_number()) {
    return ApplyToFloats(op, left.float_value(), right.float_value());
  }
  if (op == Operator::kAdd) {
    if (left.is_text() && right.is_text()) return AddTexts(meter, left, right);
    if ((left.is_list() && right.is_list()) || (left.is_tuple() && right.is_tuple())) {
      return AddSequences(meter, left, right);
    }
    if (left.is_text()) {
      return EvaluationError(
          absl::StrCat("can only concatenate str (not \"", right.type_name(), "\") to str"));
    }
  }
  if (op == Operator::kMultiply) {
    if (IsRepeatable(left) && right.is_integral()) return Repeat(meter, left, right.int_value());
    if (IsRepeatable(right) && left.is_integral()) return Repeat(meter, right, left.int_value());
  }
  return EvaluationError(absl::StrCat("unsupported operand type(s) for ",
                                      base::NameOf(op),
                                      ": '",
                                      left.type_name(),
                                      "' and '",
                                      right.type_name(),
                                      "'"));
}

absl::StatusOr<Value> ApplyUnary(Operator op, const Value& operand) {
  if (operand.is_undefined()) return operand.UndefinedError();
  const bool is_negative = op == Operator::kNegate;
  if (operand.is_integral()) {
    const int64_t value = operand.int_value();
    if (is_negative && value == INT64_MIN) return OverflowError();
    return Value(is_negative ? -value : value);
  }
  if (operand.is_float())
    return Value(is_negative ? -operand.float_value() : operand.float_value());
  return EvaluationError(absl::StrCat(
      "bad operand type for unary ", is_negative ? "-" : "+", ": '", operand.type_name(), "'"));
}

}  // namespace convrec::jinja
