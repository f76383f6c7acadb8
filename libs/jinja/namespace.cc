#include "libs/jinja/namespace.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/printing.h"

namespace convrec::jinja {

Namespace::~Namespace() { meter_->Release(entries_.size() * sizeof(Mapping::Entry)); }

absl::Status Namespace::Set(const std::string& name, Value value) {
  if (!name.empty() && name[0] == '_') {
    return EvaluationError(
        absl::StrCat("a namespace cannot have the attribute '", name, "': it begins with _"));
  }
  for (auto& [key, held] : entries_) {
    if (key.text() == name) {
      held = std::move(value);
      return absl::OkStatus();
    }
  }
  CR_RETURN_IF_ERROR(meter_->CheckMemory(sizeof(Mapping::Entry)));
  CR_RETURN_IF_ERROR(meter_->Work(1 + entries_.size()));
  meter_->Hold(sizeof(Mapping::Entry));
  entries_.emplace_back(Value::OfText(name), std::move(value));
  return absl::OkStatus();
}

absl::StatusOr<Value> Namespace::Attribute(Runtime* /*runtime*/, std::string_view name) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry.first.text() == name;
  });
  return found == entries_.end() ? Value() : found->second;
}

absl::StatusOr<std::string> Namespace::Repr(Meter* meter) const {
  for (const auto& [key, value] : entries_) {
    // It may contain itself, and then printing would never end.
    if (value.is_object() || value.depth() > 0) {
      return EvaluationError("a namespace that holds more than plain values cannot be printed");
    }
  }
  CR_ASSIGN_OR_RETURN(const std::string text, ReprOfEntries(meter, entries_));
  return absl::StrCat("<Namespace ", text, ">");
}

}  // namespace convrec::jinja
