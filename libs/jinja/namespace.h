// namespace(): the one object whose attributes a template can set.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"

namespace convrec::jinja {

class Namespace final : public Object {
 public:
  explicit Namespace(Meter* meter) : meter_(meter) {}
  ~Namespace() override;

  // EvaluationError for names that begin with an underscore, which transformers forbids.
  absl::Status Set(const std::string& name, Value value);

  const char* type_name() const override { return "Namespace"; }
  absl::StatusOr<std::string> Repr(Meter* meter) const override;
  absl::StatusOr<Value> Attribute(Runtime* runtime, std::string_view name) override;

 private:
  Meter* const meter_;
  std::vector<Mapping::Entry> entries_;
};

}  // namespace convrec::jinja
