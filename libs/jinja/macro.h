// A macro, or the body of a call block, which the macro sees as `caller`.
#pragma once

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"

namespace convrec::jinja {

class Interpreter;
class Scope;
struct Statement;

class Macro final : public Object {
 public:
  // All must outlive the macro. `scope` is the one in which it was defined.
  Macro(Interpreter* interpreter, const Statement* statement, Scope* scope)
      : interpreter_(interpreter), statement_(statement), scope_(scope) {}

  const char* type_name() const override { return "Macro"; }
  bool is_callable() const override { return true; }
  absl::StatusOr<Value> Call(Runtime* runtime, Arguments arguments) override;
  absl::StatusOr<std::string> Repr(Meter* meter) const override;
  absl::StatusOr<Value> Attribute(Runtime* runtime, std::string_view name) override;

 private:
  Interpreter* const interpreter_;
  const Statement* const statement_;
  Scope* const scope_;
};

}  // namespace convrec::jinja
