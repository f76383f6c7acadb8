#include "libs/jinja/methods.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/arguments.h"
#include "libs/jinja/comparison.h"

namespace convrec::jinja {
namespace {

using Result = absl::StatusOr<Value>;

Result Get(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("get", arguments, {"key", "default"}, 1));
  const Value& key = *bound.Get(0);
  if (!IsHashable(key)) {
    return EvaluationError(absl::StrCat("unhashable type: '", key.type_name(), "'"));
  }
  if (const Value* found = self.mapping().Find(runtime->meter(), key)) return *found;
  return bound.Has(1) ? *bound.Get(1) : Value(None{});
}

template <SequenceKind kKind>
Result View(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("a view of dict", arguments, {}).status());
  std::vector<Value> items;
  items.reserve(self.mapping().entries.size());
  for (const auto& [key, value] : self.mapping().entries) {
    if (kKind == SequenceKind::kKeys) {
      items.push_back(key);
    } else if (kKind == SequenceKind::kValues) {
      items.push_back(value);
    } else {
      CR_ASSIGN_OR_RETURN(Value item, runtime->Tuple({key, value}));
      items.push_back(std::move(item));
    }
  }
  return MakeSequence(runtime->meter(), std::move(items), kKind);
}

Result Copy(Runtime* /*runtime*/, const Value& self, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("copy", arguments, {}).status());
  return self;
}

Result Count(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("count", arguments, {"value"}, 1));
  const auto& items = self.items();
  return Value(static_cast<int64_t>(std::count_if(items.begin(), items.end(), [&](const Value& v) {
    return AreEqual(runtime->meter(), v, *bound.Get(0));
  })));
}

Result Index(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("index", arguments, {"value"}, 1));
  const auto& items = self.items();
  const auto found = std::find_if(items.begin(), items.end(), [&](const Value& v) {
    return AreEqual(runtime->meter(), v, *bound.Get(0));
  });
  if (found == items.end()) return EvaluationError("the value is not in the list");
  return Value(static_cast<int64_t>(found - items.begin()));
}

constexpr Method kMappingMethods[] = {
    {"get", Get},
    {"items", View<SequenceKind::kItems>},
    {"keys", View<SequenceKind::kKeys>},
    {"values", View<SequenceKind::kValues>},
    {"copy", Copy},
};
constexpr Method kSequenceMethods[] = {{"count", Count}, {"index", Index}, {"copy", Copy}};

constexpr std::array kForbiddenMappingMethods = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::array kForbiddenListMethods = {
    "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"};
// Methods of the language's own objects.
constexpr std::array kObjectMethods = {"cycle", "changed", "next", "reset"};

template <typename Names>
bool Has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Method* Find(std::span<const Method> methods, std::string_view name) {
  const auto found = std::find_if(
      methods.begin(), methods.end(), [&](const Method& method) { return name == method.name; });
  return found == methods.end() ? nullptr : &*found;
}

}  // namespace

const Method* FindMethod(const Value& self, std::string_view name) {
  if (self.is_text()) return FindTextMethod(name);
  if (self.is_mapping()) return Find(kMappingMethods, name);
  if (self.is_list()) return Find(kSequenceMethods, name);
  if (self.is_tuple() || self.is_sequence(SequenceKind::kRange)) {
    return name == "copy" ? nullptr : Find(kSequenceMethods, name);
  }
  return nullptr;
}

bool IsForbiddenMethod(const Value& self, std::string_view name) {
  if (self.is_mapping()) return Has(kForbiddenMappingMethods, name);
  return self.is_list() && Has(kForbiddenListMethods, name);
}

bool IsMethodName(std::string_view name) {
  return FindTextMethod(name) != nullptr || Find(kMappingMethods, name) != nullptr ||
         Find(kSequenceMethods, name) != nullptr || Has(kForbiddenMappingMethods, name) ||
         Has(kForbiddenListMethods, name) || Has(kObjectMethods, name);
}

}  // namespace convrec::jinja
