// Runs a parsed template once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/loop.h"
#include "libs/jinja/output.h"
#include "libs/jinja/runtime.h"
#include "libs/jinja/scope.h"
#include "libs/jinja/syntax.h"

namespace convrec::jinja {

// Errors name the innermost position in the template at which they arose. Not thread-safe.
class Interpreter final {
 public:
  // All must outlive the interpreter.
  Interpreter(Runtime* runtime, const Mapping* variables)
      : runtime_(runtime), variables_(variables) {}

  absl::Status Run(const Body& body, Output* output);

 private:
  friend class Macro;

  enum class Flow { kNext, kBreak, kContinue };
  // Where statements print to and where their variables are.
  struct Frame {
    Scope* scope;
    Output* output;
  };

  // interpreter.cc: statements.
  absl::StatusOr<Flow> Execute(const Body& body, Frame frame);
  absl::StatusOr<Flow> ExecuteStatement(const Statement& statement, Frame frame);
  // In a new scope.
  absl::StatusOr<Flow> ExecuteInside(const Body& body, Frame frame);
  absl::StatusOr<Flow> ExecuteIf(const Statement& statement, Frame frame);
  absl::StatusOr<Flow> ExecuteWith(const Statement& statement, Frame frame);
  absl::StatusOr<Flow> ExecuteSetBlock(const Statement& statement, Frame frame);
  absl::StatusOr<Flow> ExecuteFilterBlock(const Statement& statement, Frame frame);
  absl::Status ExecuteFor(const Statement& statement, Frame frame);
  absl::Status ExecuteCallBlock(const Statement& statement, Frame frame);
  absl::Status Print(const Expression& expression, Frame frame);
  absl::Status DefineMacro(const Statement& statement, Scope* scope);
  absl::Status Assign(const Target& target, const Value& value, Scope* scope);

  // loops.cc.
  absl::Status RunLoop(const Statement& statement, const Value& items, int depth0, Frame frame);
  absl::StatusOr<Value> MakeLoopVariable(const Statement& statement,
                                         std::shared_ptr<LoopItems> items,
                                         int depth0,
                                         Scope* scope);
  class FilteredItems;

  // macros.cc. `scope` is the one in which the macro was defined.
  absl::StatusOr<Value> CallMacro(const Statement& macro, Scope* scope, Arguments arguments);
  absl::Status BindParameters(const Signature& signature, const Arguments& arguments, Scope* scope);
  absl::Status BindSpecials(const Signature& signature, const Arguments& arguments, Scope* scope);

  // evaluation.cc: expressions.
  absl::StatusOr<Value> Evaluate(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateKind(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateName(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateParts(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateMapping(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateConditional(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateLogic(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateOperator(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateCompare(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateConcat(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateAccess(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateSlice(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateCall(const Expression& expression,
                                     Scope* scope,
                                     const Value* caller = nullptr);
  absl::StatusOr<Value> EvaluateFilter(const Expression& expression, Scope* scope);
  absl::StatusOr<Value> EvaluateTest(const Expression& expression, Scope* scope);
  absl::StatusOr<Arguments> EvaluateArguments(const CallSyntax* call, Scope* scope);

  // Calls `run` with a scope inside `parent`; the scope is kept as long as a macro needs it.
  template <typename Run>
  auto WithScope(Scope* parent, Run run) {
    auto scope = std::make_unique<Scope>(parent);
    auto result = run(scope.get());
    if (scope->is_kept()) kept_scopes_.push_back(std::move(scope));
    return result;
  }

  Runtime* const runtime_;
  const Mapping* const variables_;
  std::vector<std::pair<std::string_view, Value>> globals_;  // Those created so far.
  std::optional<Value> block_text_;  // The text that a block's filters are applied to.
  std::vector<std::unique_ptr<Scope>> kept_scopes_;
};

}  // namespace convrec::jinja
