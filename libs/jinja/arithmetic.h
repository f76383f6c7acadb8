// The operators + - * / // Python's operators + - * / // % ** on numbers, texts and sequences.
#pragma once

#include "absl/status/statusor.h"
#include "libs/jinja/syntax.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

// EvaluationError for operands of unsuitable types, division by zero, and integers beyond 64 bits.
absl::StatusOr<Value> ApplyBinary(Meter* meter, Operator op, const Value& left, const Value& right);
absl::StatusOr<Value> ApplyUnary(Operator op, const Value& operand);

}  // namespace convrec::jinja
