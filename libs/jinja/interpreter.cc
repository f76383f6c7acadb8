#include "libs/jinja/interpreter.h"

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/macro.h"
#include "libs/jinja/namespace.h"
#include "libs/jinja/printing.h"

namespace convrec::jinja {

using Kind = Statement::Kind;

absl::Status Interpreter::Run(const Body& body, Output* output) {
  return WithScope(nullptr, [&](Scope* scope) { return Execute(body, {scope, output}).status(); });
}

absl::StatusOr<Interpreter::Flow> Interpreter::Execute(const Body& body, Frame frame) {
  const Runtime::Depth depth(runtime_);
  for (const auto& statement : body) {
    CR_RETURN_IF_ERROR(Locate(statement->position, depth.status()));
    absl::StatusOr<Flow> flow = ExecuteStatement(*statement, frame);
    if (!flow.ok()) return Locate(statement->position, flow.status());
    if (*flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

absl::StatusOr<Interpreter::Flow> Interpreter::ExecuteStatement(const Statement& statement,
                                                                Frame frame) {
  absl::Status status;
  switch (statement.kind) {
    case Kind::kText:
      status = frame.output->Append(statement.text);
      break;
    case Kind::kOutput:
      status = Print(*statement.expression, frame);
      break;
    case Kind::kSet: {
      CR_ASSIGN_OR_RETURN(const Value value, Evaluate(*statement.expression, frame.scope));
      status = Assign(statement.targets[0], value, frame.scope);
      break;
    }
    case Kind::kSetBlock:
      return ExecuteSetBlock(statement, frame);
    case Kind::kIf:
      return ExecuteIf(statement, frame);
    case Kind::kFor:
      status = ExecuteFor(statement, frame);
      break;
    case Kind::kMacro:
      status = DefineMacro(statement, frame.scope);
      break;
    case Kind::kCallBlock:
      status = ExecuteCallBlock(statement, frame);
      break;
    case Kind::kFilterBlock:
      return ExecuteFilterBlock(statement, frame);
    case Kind::kWith:
      return ExecuteWith(statement, frame);
    case Kind::kGeneration:
      return ExecuteInside(statement.body, frame);
    case Kind::kBreak:
      return Flow::kBreak;
    case Kind::kContinue:
      return Flow::kContinue;
  }
  if (!status.ok()) return status;
  return Flow::kNext;
}

absl::StatusOr<Interpreter::Flow> Interpreter::ExecuteInside(const Body& body, Frame frame) {
  return WithScope(frame.scope, [&](Scope* scope) { return Execute(body, {scope, frame.output}); });
}

absl::Status Interpreter::Print(const Expression& expression, Frame frame) {
  CR_ASSIGN_OR_RETURN(const Value value, Evaluate(expression, frame.scope));
  if (value.is_text()) return frame.output->Append(value.text());
  const absl::StatusOr<std::string> text = ToText(runtime_->meter(), value);
  if (!text.ok()) return Locate(expression.position, text.status());
  return frame.output->Append(*text);
}

absl::StatusOr<Interpreter::Flow> Interpreter::ExecuteIf(const Statement& statement, Frame frame) {
  for (const Statement::Branch& branch : statement.branches) {
    CR_ASSIGN_OR_RETURN(const Value condition, Evaluate(*branch.condition, frame.scope));
    if (IsTrue(condition)) return Execute(branch.body, frame);
  }
  return Execute(statement.body, frame);
}

absl::StatusOr<Interpreter::Flow> Interpreter::ExecuteWith(const Statement& statement,
                                                           Frame frame) {
  std::vector<Value> values;
  for (const ExpressionPtr& expression : statement.values) {
    CR_ASSIGN_OR_RETURN(Value value, Evaluate(*expression, frame.scope));
    values.push_back(std::move(value));
  }
  return WithScope(frame.scope, [&](Scope* scope) -> absl::StatusOr<Flow> {
    for (size_t i = 0; i < values.size(); ++i) {
      CR_RETURN_IF_ERROR(Assign(statement.targets[i], values[i], scope));
    }
    return Execute(statement.body, {scope, frame.output});
  });
}

absl::StatusOr<Interpreter::Flow> Interpreter::ExecuteSetBlock(const Statement& statement,
                                                               Frame frame) {
  Output output(runtime_->meter());
  CR_ASSIGN_OR_RETURN(const Flow flow, ExecuteInside(statement.body, {frame.scope, &output}));
  if (flow != Flow::kNext) return flow;
  CR_ASSIGN_OR_RETURN(Value value, runtime_->Text(output.text()));
  if (statement.expression != nullptr) {
    const std::optional<Value> outer = std::exchange(block_text_, std::move(value));
    CR_ASSIGN_OR_RETURN(value, Evaluate(*statement.expression, frame.scope));
    block_text_ = outer;
  }
  CR_RETURN_IF_ERROR(Assign(statement.targets[0], value, frame.scope));
  return Flow::kNext;
}

absl::StatusOr<Interpreter::Flow> Interpreter::ExecuteFilterBlock(const Statement& statement,
                                                                  Frame frame) {
  Output output(runtime_->meter());
  CR_ASSIGN_OR_RETURN(const Flow flow, ExecuteInside(statement.body, {frame.scope, &output}));
  if (flow != Flow::kNext) return flow;
  CR_ASSIGN_OR_RETURN(Value text, runtime_->Text(output.text()));
  const std::optional<Value> outer = std::exchange(block_text_, std::move(text));
  CR_RETURN_IF_ERROR(Print(*statement.expression, frame));
  block_text_ = outer;
  return Flow::kNext;
}

absl::Status Interpreter::ExecuteFor(const Statement& statement, Frame frame) {
  CR_ASSIGN_OR_RETURN(const Value items, Evaluate(*statement.expression, frame.scope));
  return RunLoop(statement, items, /*depth0=*/0, frame);
}

absl::Status Interpreter::DefineMacro(const Statement& statement, Scope* scope) {
  scope->Keep();
  CR_ASSIGN_OR_RETURN(Macro* const macro, runtime_->New<Macro>(this, &statement, scope));
  scope->Set(statement.signature.name, Value(macro));
  return absl::OkStatus();
}

absl::Status Interpreter::ExecuteCallBlock(const Statement& statement, Frame frame) {
  frame.scope->Keep();
  CR_ASSIGN_OR_RETURN(Macro* const macro, runtime_->New<Macro>(this, &statement, frame.scope));
  const Value caller(macro);
  CR_ASSIGN_OR_RETURN(const Value result,
                      EvaluateCall(*statement.expression, frame.scope, &caller));
  CR_ASSIGN_OR_RETURN(const std::string text, ToText(runtime_->meter(), result));
  return frame.output->Append(text);
}

absl::Status Interpreter::Assign(const Target& target, const Value& value, Scope* scope) {
  if (!target.attribute.empty()) {
    const Value* object = scope->Find(target.name);
    auto* const space = object != nullptr && object->is_object()
                            ? dynamic_cast<Namespace*>(object->object())
                            : nullptr;
    if (space == nullptr) {
      return ErrorAt(target.position,
                     absl::StrCat("'", target.name, "' is no namespace: it cannot be assigned to"));
    }
    return Locate(target.position, space->Set(target.attribute, value));
  }
  if (!target.name.empty()) {
    scope->Set(target.name, value);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Value>> items = CollectItems(runtime_, value);
  if (!items.ok()) return Locate(target.position, items.status());
  if (items->size() != target.parts.size()) {
    return ErrorAt(target.position,
                   absl::StrCat(items->size() < target.parts.size() ? "not enough" : "too many",
                                " values to unpack: expected ",
                                target.parts.size(),
                                ", got ",
                                items->size()));
  }
  for (size_t i = 0; i < items->size(); ++i) {
    CR_RETURN_IF_ERROR(Assign(target.parts[i], (*items)[i], scope));
  }
  return absl::OkStatus();
}

}  // namespace convrec::jinja
