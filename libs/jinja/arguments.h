// The arguments of a call to a built-in function, filter, test or method, bound to its parameters
// by name.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"

namespace convrec::jinja {

class BoundArguments final {
 public:
  // The first `num_required` parameters must be given. EvaluationError when they are not, for too
  // many arguments and for names that are not parameters. `arguments` must outlive the result.
  static absl::StatusOr<BoundArguments> Bind(const char* function,
                                             const Arguments& arguments,
                                             std::initializer_list<const char*> parameters,
                                             size_t num_required = 0);

  // nullptr when the argument was not given.
  const Value* Get(size_t index) const { return values_[index]; }
  bool Has(size_t index) const { return values_[index] != nullptr; }
  // True when it was not given or is none.
  bool IsNone(size_t index) const { return !Has(index) || values_[index]->is_none(); }

  bool True(size_t index, bool otherwise) const;
  // EvaluationError when it has another type.
  absl::StatusOr<int64_t> Integer(size_t index, int64_t otherwise) const;
  absl::StatusOr<std::string_view> Text(size_t index, std::string_view otherwise) const;

 private:
  BoundArguments(const char* function, std::vector<const char*> parameters)
      : function_(function), parameters_(std::move(parameters)) {}
  absl::Status TypeError(size_t index, const char* expected) const;

  const char* function_;
  std::vector<const char*> parameters_;
  std::vector<const Value*> values_;
};

}  // namespace convrec::jinja
