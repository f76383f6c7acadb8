#include "libs/jinja/macro.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/interpreter.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

bool HasParameter(const Signature& signature, std::string_view name) {
  const auto& names = signature.parameters;
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

absl::StatusOr<Value> Macro::Call(Runtime* /*runtime*/, Arguments arguments) {
  return interpreter_->CallMacro(*statement_, scope_, std::move(arguments));
}

absl::StatusOr<std::string> Macro::Repr(Meter* /*meter*/) const {
  const std::string& name = statement_->signature.name;
  return absl::StrCat("<Macro ", name.empty() ? "anonymous" : QuoteText(name), ">");
}

absl::StatusOr<Value> Macro::Attribute(Runtime* runtime, std::string_view name) {
  const Signature& signature = statement_->signature;
  if (name == "name") {
    return signature.name.empty() ? Value(None{}) : Value::OfText(signature.name);
  }
  if (name == "arguments") {
    std::vector<Value> names;
    for (const std::string& parameter : signature.parameters) {
      names.push_back(Value::OfText(parameter));
    }
    return runtime->Tuple(std::move(names));
  }
  if (name == "caller") return Value(signature.takes_caller);
  if (name == "catch_kwargs") return Value(signature.takes_named);
  if (name == "catch_varargs") return Value(signature.takes_rest);
  return Value();
}

absl::StatusOr<Value> Interpreter::CallMacro(const Statement& macro,
                                             Scope* scope,
                                             Arguments arguments) {
  return WithScope(scope, [&](Scope* inner) -> absl::StatusOr<Value> {
    CR_RETURN_IF_ERROR(BindSpecials(macro.signature, arguments, inner));
    CR_RETURN_IF_ERROR(BindParameters(macro.signature, arguments, inner));
    Output output(runtime_->meter());
    CR_RETURN_IF_ERROR(Execute(macro.body, {inner, &output}).status());
    return runtime_->Text(output.text());
  });
}

// Binds what a macro accepts beyond its parameters, and refuses what it does not accept.
absl::Status Interpreter::BindSpecials(const Signature& signature,
                                       const Arguments& arguments,
                                       Scope* scope) {
  const std::string name = signature.name.empty() ? "caller" : signature.name;
  const size_t num_parameters = signature.parameters.size();
  const bool takes_caller = signature.takes_caller && !HasParameter(signature, "caller");
  if (takes_caller) {
    const Value* caller = arguments.Named("caller");
    const bool has_caller = caller != nullptr && !caller->is_none();
    scope->Set("caller", has_caller ? *caller : Value::OfUndefined("No caller defined"));
  }
  std::vector<Value> rest;
  if (arguments.positional.size() > num_parameters) {
    if (!signature.takes_rest) {
      return EvaluationError(
          absl::StrCat("macro '", name, "' takes not more than ", num_parameters, " argument(s)"));
    }
    rest.assign(arguments.positional.begin() + static_cast<int64_t>(num_parameters),
                arguments.positional.end());
  }
  MappingBuilder named(runtime_->meter());
  for (size_t i = 0; i < arguments.named.size(); ++i) {
    const std::string& key = arguments.named[i].first;
    if (takes_caller && key == "caller") continue;
    const auto& parameters = signature.parameters;
    const auto found = std::find(parameters.begin(), parameters.end(), key);
    const auto place = static_cast<size_t>(found - parameters.begin());
    if (found != parameters.end() && place >= arguments.positional.size()) continue;
    if (!signature.takes_named) {
      return EvaluationError(
          absl::StrCat("macro '", name, "' takes no keyword argument '", key, "'"));
    }
    named.SetText(key, arguments.named[i].second);
  }
  if (signature.takes_rest) {
    CR_ASSIGN_OR_RETURN(Value tuple, runtime_->Tuple(std::move(rest)));
    scope->Set("varargs", std::move(tuple));
  }
  if (signature.takes_named) {
    CR_ASSIGN_OR_RETURN(Value mapping, named.Build());
    scope->Set("kwargs", std::move(mapping));
  }
  return absl::OkStatus();
}

absl::Status Interpreter::BindParameters(const Signature& signature,
                                         const Arguments& arguments,
                                         Scope* scope) {
  const size_t num_required = signature.parameters.size() - signature.defaults.size();
  for (size_t i = 0; i < signature.parameters.size(); ++i) {
    const std::string& name = signature.parameters[i];
    const Value* given =
        i < arguments.positional.size() ? &arguments.positional[i] : arguments.Named(name);
    if (given != nullptr) {
      scope->Set(name, *given);
    } else if (i >= num_required) {
      // A default can refer to the parameters before it.
      CR_ASSIGN_OR_RETURN(const Value value,
                          Evaluate(*signature.defaults[i - num_required], scope));
      scope->Set(name, value);
    } else {
      scope->Set(name, Value::OfUndefined(absl::StrCat("parameter '", name, "' was not provided")));
    }
  }
  return absl::OkStatus();
}

}  // namespace convrec::jinja
