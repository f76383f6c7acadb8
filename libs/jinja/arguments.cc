#include "libs/jinja/arguments.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/jinja/comparison.h"

namespace convrec::jinja {

absl::StatusOr<BoundArguments> BoundArguments::Bind(const char* function,
                                                    const Arguments& arguments,
                                                    std::initializer_list<const char*> parameters,
                                                    size_t num_required) {
  BoundArguments bound(function, parameters);
  bound.values_.assign(parameters.size(), nullptr);
  if (arguments.positional.size() > parameters.size()) {
    return EvaluationError(absl::StrCat(function,
                                        "() takes at most ",
                                        parameters.size(),
                                        " arguments, and ",
                                        arguments.positional.size(),
                                        " were given"));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    bound.values_[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find_if(
        parameters.begin(), parameters.end(), [&](const char* p) { return name == p; });
    if (found == parameters.end()) {
      return EvaluationError(
          absl::StrCat(function, "() got an unexpected keyword argument '", name, "'"));
    }
    const Value*& place = bound.values_[static_cast<size_t>(found - parameters.begin())];
    if (place != nullptr) {
      return EvaluationError(absl::StrCat(function, "() got '", name, "' twice"));
    }
    place = &value;
  }
  for (size_t i = 0; i < num_required; ++i) {
    if (bound.values_[i] == nullptr) {
      return EvaluationError(
          absl::StrCat(function, "() misses its argument '", bound.parameters_[i], "'"));
    }
  }
  return bound;
}

bool BoundArguments::True(size_t index, bool otherwise) const {
  return Has(index) ? IsTrue(*Get(index)) : otherwise;
}

absl::StatusOr<int64_t> BoundArguments::Integer(size_t index, int64_t otherwise) const {
  if (!Has(index)) return otherwise;
  if (!Get(index)->is_integral()) return TypeError(index, "an integer");
  return Get(index)->int_value();
}

absl::StatusOr<std::string_view> BoundArguments::Text(size_t index,
                                                      std::string_view otherwise) const {
  if (!Has(index)) return otherwise;
  if (!Get(index)->is_text()) return TypeError(index, "a text");
  return std::string_view(Get(index)->text());
}

absl::Status BoundArguments::TypeError(size_t index, const char* expected) const {
  if (Get(index)->is_undefined()) return Get(index)->UndefinedError();
  return EvaluationError(absl::StrCat(function_,
                                      "(): '",
                                      parameters_[index],
                                      "' must be ",
                                      expected,
                                      ", not ",
                                      Get(index)->type_name()));
}

}  // namespace convrec::jinja
