// The arguments of a call of a built-in function, filter, test or method, by the names of its
// parameters.
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
  // EvaluationError for too many arguments and for names that are no parameters. `arguments` must
  // outlive the result. The first `num_required` must be given.
  static absl::StatusOr<BoundArguments> Bind(const char* function,
                                             const Arguments& arguments,
                                             std::initializer_list<const char*> parameters,
                                             size_t num_required = 0);

  // nullptr when it was not given.
  const Value* Get(size_t index) const { return values_[index]; }
  bool Has(size_t index) const { return values_[index] != nullptr; }
  // Not given, or none.
  bool IsNone(size_t index) const { return !Has(index) || values_[index]->is_none(); }

  bool True(size_t index, bool otherwise) const;
  // EvaluationError when it is of another type.
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
