// How expressions are evaluated.
#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/arithmetic.h"
#include "libs/jinja/attributes.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/filters.h"
#include "libs/jinja/globals.h"
#include "libs/jinja/interpreter.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/methods.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/tests.h"

namespace convrec::jinja {

using Kind = Expression::Kind;

absl::StatusOr<Value> Interpreter::Evaluate(const Expression& expression, Scope* scope) {
  const Runtime::Depth depth(runtime_);
  if (absl::Status status = depth.status(); !status.ok()) {
    return Locate(expression.position, status);
  }
  absl::StatusOr<Value> value = EvaluateKind(expression, scope);
  if (!value.ok()) return Locate(expression.position, value.status());
  return value;
}

absl::StatusOr<Value> Interpreter::EvaluateKind(const Expression& expression, Scope* scope) {
  switch (expression.kind) {
    case Kind::kConstant:
      return expression.constant;
    case Kind::kName:
      return EvaluateName(expression, scope);
    case Kind::kTuple:
    case Kind::kList:
      return EvaluateParts(expression, scope);
    case Kind::kMapping:
      return EvaluateMapping(expression, scope);
    case Kind::kConditional:
      return EvaluateConditional(expression, scope);
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot:
      return EvaluateLogic(expression, scope);
    case Kind::kUnary:
    case Kind::kBinary:
      return EvaluateOperator(expression, scope);
    case Kind::kCompare:
      return EvaluateCompare(expression, scope);
    case Kind::kConcat:
      return EvaluateConcat(expression, scope);
    case Kind::kAttribute:
    case Kind::kItem:
      return EvaluateAccess(expression, scope);
    case Kind::kSlice:
      return EvaluateSlice(expression, scope);
    case Kind::kCall:
      return EvaluateCall(expression, scope);
    case Kind::kFilter:
      return EvaluateFilter(expression, scope);
    case Kind::kTest:
      return EvaluateTest(expression, scope);
  }
  return Value();
}

absl::StatusOr<Value> Interpreter::EvaluateName(const Expression& expression, Scope* scope) {
  const std::string& name = expression.name;
  if (const Value* value = scope->Find(name)) return *value;
  if (const Value* value = variables_->Find(name)) return *value;
  for (const auto& [known, value] : globals_) {
    if (known == name) return value;
  }
  if (!IsGlobalName(name)) return Value::OfUndefined(absl::StrCat("'", name, "' is undefined"));
  CR_ASSIGN_OR_RETURN(Value global, MakeGlobal(runtime_, name));
  globals_.emplace_back(name, global);
  return global;
}

absl::StatusOr<Value> Interpreter::EvaluateParts(const Expression& expression, Scope* scope) {
  std::vector<Value> items;
  items.reserve(expression.parts.size());
  for (const ExpressionPtr& part : expression.parts) {
    CR_ASSIGN_OR_RETURN(Value item, Evaluate(*part, scope));
    items.push_back(std::move(item));
  }
  const bool is_tuple = expression.kind == Kind::kTuple;
  return MakeSequence(
      runtime_->meter(), std::move(items), is_tuple ? SequenceKind::kTuple : SequenceKind::kList);
}

absl::StatusOr<Value> Interpreter::EvaluateMapping(const Expression& expression, Scope* scope) {
  MappingBuilder entries(runtime_->meter());
  for (size_t i = 0; i < expression.parts.size(); i += 2) {
    CR_ASSIGN_OR_RETURN(Value key, Evaluate(*expression.parts[i], scope));
    CR_ASSIGN_OR_RETURN(Value value, Evaluate(*expression.parts[i + 1], scope));
    CR_RETURN_IF_ERROR(entries.Set(std::move(key), std::move(value)));
  }
  return entries.Build();
}

absl::StatusOr<Value> Interpreter::EvaluateConditional(const Expression& expression, Scope* scope) {
  CR_ASSIGN_OR_RETURN(const Value condition, Evaluate(*expression.parts[0], scope));
  if (IsTrue(condition)) return Evaluate(*expression.parts[1], scope);
  if (expression.parts[2] != nullptr) return Evaluate(*expression.parts[2], scope);
  return Value::OfUndefined("the inline if-expression was false and has no else");
}

absl::StatusOr<Value> Interpreter::EvaluateLogic(const Expression& expression, Scope* scope) {
  CR_ASSIGN_OR_RETURN(Value left, Evaluate(*expression.parts[0], scope));
  if (expression.kind == Kind::kNot) return Value(!IsTrue(left));
  if (IsTrue(left) == (expression.kind == Kind::kOr)) return left;
  return Evaluate(*expression.parts[1], scope);
}

absl::StatusOr<Value> Interpreter::EvaluateOperator(const Expression& expression, Scope* scope) {
  CR_ASSIGN_OR_RETURN(const Value left, Evaluate(*expression.parts[0], scope));
  if (expression.kind == Kind::kUnary) return ApplyUnary(expression.op, left);
  CR_ASSIGN_OR_RETURN(const Value right, Evaluate(*expression.parts[1], scope));
  return ApplyBinary(runtime_->meter(), expression.op, left, right);
}

absl::StatusOr<Value> Interpreter::EvaluateCompare(const Expression& expression, Scope* scope) {
  Meter* const meter = runtime_->meter();
  const auto compare =
      [meter](Operator op, const Value& left, const Value& right) -> absl::StatusOr<bool> {
    switch (op) {
      case Operator::kEqual:
        return AreEqual(meter, left, right);
      case Operator::kNotEqual:
        return !AreEqual(meter, left, right);
      case Operator::kLess:
        return IsLess(meter, left, right);
      case Operator::kLessEqual:
        return IsLessOrEqual(meter, left, right);
      case Operator::kGreater:
        return IsLess(meter, right, left);
      case Operator::kGreaterEqual:
        return IsLessOrEqual(meter, right, left);
      default:
        break;
    }
    CR_ASSIGN_OR_RETURN(const bool contains, Contains(meter, right, left));
    return contains == (op == Operator::kIn);
  };
  CR_ASSIGN_OR_RETURN(Value left, Evaluate(*expression.parts[0], scope));
  for (size_t i = 0; i < expression.comparisons.size(); ++i) {
    CR_ASSIGN_OR_RETURN(Value right, Evaluate(*expression.parts[i + 1], scope));
    CR_ASSIGN_OR_RETURN(const bool holds, compare(expression.comparisons[i], left, right));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

absl::StatusOr<Value> Interpreter::EvaluateConcat(const Expression& expression, Scope* scope) {
  std::string text;
  for (const ExpressionPtr& part : expression.parts) {
    CR_ASSIGN_OR_RETURN(const Value value, Evaluate(*part, scope));
    if (value.is_text()) {
      CR_RETURN_IF_ERROR(runtime_->meter()->CheckText(text.size() + value.text().size()));
      text += value.text();
    } else {
      CR_ASSIGN_OR_RETURN(const std::string printed, ToText(runtime_->meter(), value));
      text += printed;
    }
  }
  return runtime_->Text(std::move(text));
}

absl::StatusOr<Value> Interpreter::EvaluateAccess(const Expression& expression, Scope* scope) {
  CR_ASSIGN_OR_RETURN(const Value object, Evaluate(*expression.parts[0], scope));
  if (expression.kind == Kind::kAttribute) return GetAttribute(runtime_, object, expression.name);
  CR_ASSIGN_OR_RETURN(const Value key, Evaluate(*expression.parts[1], scope));
  return GetItem(runtime_, object, key);
}

absl::StatusOr<Value> Interpreter::EvaluateSlice(const Expression& expression, Scope* scope) {
  CR_ASSIGN_OR_RETURN(const Value object, Evaluate(*expression.parts[0], scope));
  Value bounds[3] = {Value(None{}), Value(None{}), Value(None{})};
  for (size_t i = 0; i < 3; ++i) {
    if (expression.parts[i + 1] == nullptr) continue;
    CR_ASSIGN_OR_RETURN(bounds[i], Evaluate(*expression.parts[i + 1], scope));
  }
  return GetSlice(runtime_, object, bounds[0], bounds[1], bounds[2]);
}

absl::StatusOr<Arguments> Interpreter::EvaluateArguments(const CallSyntax* call, Scope* scope) {
  Arguments arguments;
  if (call == nullptr) return arguments;
  for (const ExpressionPtr& part : call->positional) {
    CR_ASSIGN_OR_RETURN(Value value, Evaluate(*part, scope));
    arguments.positional.push_back(std::move(value));
  }
  if (call->rest != nullptr) {
    CR_ASSIGN_OR_RETURN(const Value rest, Evaluate(*call->rest, scope));
    CR_ASSIGN_OR_RETURN(const auto items, CollectItems(runtime_, rest));
    arguments.positional.insert(arguments.positional.end(), items.begin(), items.end());
  }
  for (const auto& [name, part] : call->named) {
    CR_ASSIGN_OR_RETURN(Value value, Evaluate(*part, scope));
    arguments.named.emplace_back(name, std::move(value));
  }
  if (call->others != nullptr) {
    CR_ASSIGN_OR_RETURN(const Value others, Evaluate(*call->others, scope));
    if (!others.is_mapping()) return EvaluationError("the argument after ** must be a mapping");
    for (const auto& [key, value] : others.mapping().entries) {
      if (!key.is_text()) return EvaluationError("keywords must be strings");
      CR_RETURN_IF_ERROR(runtime_->meter()->Work());
      arguments.named.emplace_back(key.text(), value);
    }
  }
  return arguments;
}

absl::StatusOr<Value> Interpreter::EvaluateCall(const Expression& expression,
                                                Scope* scope,
                                                const Value* caller) {
  const Expression& callee = *expression.parts[0];
  if (callee.kind == Kind::kAttribute && caller == nullptr) {
    CR_ASSIGN_OR_RETURN(const Value object, Evaluate(*callee.parts[0], scope));
    if (const Method* method = object.is_object() ? nullptr : FindMethod(object, callee.name)) {
      CR_ASSIGN_OR_RETURN(const Arguments arguments,
                          EvaluateArguments(expression.call.get(), scope));
      return method->call(runtime_, object, arguments);
    }
    CR_ASSIGN_OR_RETURN(const Value function, GetAttribute(runtime_, object, callee.name));
    CR_ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(expression.call.get(), scope));
    return CallValue(runtime_, function, std::move(arguments));
  }
  CR_ASSIGN_OR_RETURN(const Value function, Evaluate(callee, scope));
  CR_ASSIGN_OR_RETURN(Arguments arguments, EvaluateArguments(expression.call.get(), scope));
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  return CallValue(runtime_, function, std::move(arguments));
}

absl::StatusOr<Value> Interpreter::EvaluateFilter(const Expression& expression, Scope* scope) {
  Value subject;
  if (expression.parts[0] == nullptr) {
    subject = *block_text_;
  } else {
    CR_ASSIGN_OR_RETURN(subject, Evaluate(*expression.parts[0], scope));
  }
  CR_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expression.call.get(), scope));
  return expression.filter->apply(runtime_, subject, arguments);
}

absl::StatusOr<Value> Interpreter::EvaluateTest(const Expression& expression, Scope* scope) {
  CR_ASSIGN_OR_RETURN(const Value subject, Evaluate(*expression.parts[0], scope));
  CR_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expression.call.get(), scope));
  CR_ASSIGN_OR_RETURN(const bool holds, expression.test->apply(runtime_, subject, arguments));
  return Value(holds);
}

}  // namespace convrec::jinja
