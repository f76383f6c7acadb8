// How `for` runs.
#include <memory>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/interpreter.h"

namespace convrec::jinja {

// The items for which the condition of "for x in y if condition" holds, evaluated one by one,
// because the body may change what the condition reads.
class Interpreter::FilteredItems final : public ItemSource {
 public:
  FilteredItems(Interpreter* interpreter,
                const Statement& statement,
                std::unique_ptr<ItemSource> source,
                Scope* scope)
      : interpreter_(interpreter),
        statement_(statement),
        source_(std::move(source)),
        scope_(scope) {}

  absl::StatusOr<bool> Next(Value* item) override {
    while (true) {
      CR_ASSIGN_OR_RETURN(const bool has_next, source_->Next(item));
      if (!has_next) return false;
      scope_.Clear();
      CR_RETURN_IF_ERROR(interpreter_->Assign(statement_.targets[0], *item, &scope_));
      CR_ASSIGN_OR_RETURN(const Value condition,
                          interpreter_->Evaluate(*statement_.condition, &scope_));
      if (IsTrue(condition)) return true;
    }
  }

 private:
  Interpreter* const interpreter_;
  const Statement& statement_;
  const std::unique_ptr<ItemSource> source_;
  Scope scope_;
};

absl::StatusOr<Value> Interpreter::MakeLoopVariable(const Statement& statement,
                                                    std::shared_ptr<LoopItems> items,
                                                    int depth0,
                                                    Scope* scope) {
  // The variable may be used after the loop, through a namespace.
  scope->Keep();
  Loop::Recurse recurse;
  if (statement.is_recursive) {
    recurse = [this, &statement, scope](const Value& others, int depth) -> absl::StatusOr<Value> {
      Output output(runtime_->meter());
      CR_RETURN_IF_ERROR(RunLoop(statement, others, depth, {scope, &output}));
      return runtime_->Text(output.text());
    };
  }
  CR_ASSIGN_OR_RETURN(Loop* const loop,
                      runtime_->New<Loop>(std::move(items), depth0, std::move(recurse)));
  return Value(loop);
}

absl::Status Interpreter::RunLoop(const Statement& statement,
                                  const Value& items,
                                  int depth0,
                                  Frame frame) {
  const Runtime::Depth depth(runtime_);
  CR_RETURN_IF_ERROR(depth.status());
  absl::StatusOr<std::unique_ptr<ItemSource>> source = Iterate(runtime_->meter(), items);
  if (!source.ok()) return Locate(statement.expression->position, source.status());
  if (statement.condition != nullptr) {
    source = std::make_unique<FilteredItems>(this, statement, *std::move(source), frame.scope);
  }
  const auto walk = std::make_shared<LoopItems>(runtime_, *std::move(source));
  Value loop;
  if (statement.uses_loop) {
    CR_ASSIGN_OR_RETURN(loop, MakeLoopVariable(statement, walk, depth0, frame.scope));
  }
  Value item;
  auto scope = std::make_unique<Scope>(frame.scope);
  while (true) {
    CR_ASSIGN_OR_RETURN(const bool has_next, walk->Next(&item));
    if (!has_next) break;
    CR_RETURN_IF_ERROR(Assign(statement.targets[0], item, scope.get()));
    if (statement.uses_loop) scope->Set("loop", loop);
    const absl::StatusOr<Flow> flow = Execute(statement.body, {scope.get(), frame.output});
    if (scope->is_kept()) {
      kept_scopes_.push_back(std::exchange(scope, std::make_unique<Scope>(frame.scope)));
    }
    scope->Clear();
    if (!flow.ok()) return flow.status();
    if (*flow == Flow::kBreak) break;
  }
  if (walk->index0() < 0) {
    return ExecuteInside(statement.otherwise, frame).status();
  }
  return absl::OkStatus();
}

}  // namespace convrec::jinja
