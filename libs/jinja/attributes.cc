#include "libs/jinja/attributes.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/methods.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

// A method taken from its object without being called.
class BoundMethod final : public Object {
 public:
  BoundMethod(Value self, const Method* method) : self_(std::move(self)), method_(method) {}
  const char* type_name() const override { return "builtin_function_or_method"; }
  bool is_callable() const override { return true; }
  absl::StatusOr<Value> Call(Runtime* runtime, Arguments arguments) override {
    return method_->call(runtime, self_, arguments);
  }

 private:
  const Value self_;
  const Method* const method_;
};

// The method or attribute of the object's type; nullopt = none.
absl::StatusOr<std::optional<Value>> TypeAttribute(Runtime* runtime,
                                                   const Value& object,
                                                   const std::string& name) {
  if (object.is_object()) {
    CR_ASSIGN_OR_RETURN(Value value, object.object()->Attribute(runtime, name));
    if (value.is_undefined()) return std::nullopt;
    return value;
  }
  if (object.is_sequence(SequenceKind::kGroup)) {
    if (name == "grouper") return object.items()[0];
    if (name == "list") return object.items()[1];
  }
  if (const Method* method = FindMethod(object, name)) {
    CR_ASSIGN_OR_RETURN(BoundMethod* const bound, runtime->New<BoundMethod>(object, method));
    return Value(bound);
  }
  if (IsForbiddenMethod(object, name)) {
    return Value::OfUndefined(absl::StrCat(
        "access to attribute '", name, "' of '", object.type_name(), "' object is unsafe"));
  }
  return std::nullopt;
}

const Value* FindItem(Meter* meter, const Value& object, const Value& key) {
  if (object.is_mapping()) {
    if (key.is_text()) meter->Spend(key.text().size() / 256);
    return IsHashable(key) ? object.mapping().Find(meter, key) : nullptr;
  }
  if (!object.is_sequence() || !key.is_integral()) return nullptr;
  const SequenceKind kind = object.sequence().kind;
  if (kind == SequenceKind::kKeys || kind == SequenceKind::kValues ||
      kind == SequenceKind::kItems) {
    return nullptr;
  }
  const auto size = static_cast<int64_t>(object.items().size());
  int64_t index = key.int_value();
  if (index < 0) index += size;
  return index < 0 || index >= size ? nullptr : &object.items()[static_cast<size_t>(index)];
}

absl::StatusOr<std::optional<Value>> CharacterAt(Runtime* runtime,
                                                 const Value& text,
                                                 int64_t index) {
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(text.text().size()));
  const auto size = static_cast<int64_t>(NumCharacters(text.text()));
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  CR_ASSIGN_OR_RETURN(Value character,
                      runtime->Text(SliceText(text.text(), index, index + 1, 1), text.is_markup()));
  return character;
}

absl::StatusOr<Value> MissingAttribute(Runtime* runtime, const Value& object, const Value& key) {
  if (key.is_text()) {
    return Value::OfUndefined(absl::StrCat("'",
                                           object.is_mapping() ? "dict object" : object.type_name(),
                                           object.is_mapping() ? "" : " object",
                                           "' has no attribute '",
                                           key.text().substr(0, 200),
                                           "'"));
  }
  std::string element = key.type_name();
  if (key.is_number() || key.is_none()) {
    CR_ASSIGN_OR_RETURN(element, Repr(runtime->meter(), key));
  }
  return Value::OfUndefined(
      absl::StrCat("a value of type '", object.type_name(), "' has no element ", element));
}

// A bound of a slice, within [lowest, highest].
absl::StatusOr<int64_t> Bound(
    const Value& value, int64_t otherwise, int64_t size, int64_t lowest, int64_t highest) {
  if (value.is_none()) return otherwise;
  if (value.is_undefined()) return value.UndefinedError();
  if (!value.is_integral()) {
    return EvaluationError("slice indices must be integers or None");
  }
  int64_t bound = value.int_value();
  if (bound < 0) bound += size;
  return std::clamp(bound, lowest, highest);
}

}  // namespace

absl::StatusOr<Value> GetAttribute(Runtime* runtime, const Value& object, const std::string& name) {
  if (object.is_undefined()) return object.UndefinedError();
  CR_ASSIGN_OR_RETURN(const std::optional<Value> attribute, TypeAttribute(runtime, object, name));
  if (attribute) return *attribute;
  if (object.is_mapping()) {
    if (const Value* item = object.mapping().Find(name)) return *item;
  }
  return MissingAttribute(runtime, object, Value::OfText(name));
}

absl::StatusOr<Value> GetItem(Runtime* runtime, const Value& object, const Value& key) {
  if (object.is_undefined()) return object.UndefinedError();
  if (const Value* item = FindItem(runtime->meter(), object, key)) return *item;
  if (object.is_text() && key.is_integral()) {
    CR_ASSIGN_OR_RETURN(const auto character, CharacterAt(runtime, object, key.int_value()));
    if (character) return *character;
  }
  if (key.is_text()) {
    CR_ASSIGN_OR_RETURN(const auto attribute, TypeAttribute(runtime, object, key.text()));
    if (attribute) return *attribute;
  }
  return MissingAttribute(runtime, object, key);
}

absl::StatusOr<Value> GetSlice(Runtime* runtime,
                               const Value& object,
                               const Value& begin,
                               const Value& end,
                               const Value& step) {
  if (object.is_undefined()) return object.UndefinedError();
  const bool is_sliceable = object.is_text() || object.is_list() || object.is_tuple() ||
                            object.is_sequence(SequenceKind::kRange);
  if (!is_sliceable) {
    return EvaluationError(absl::StrCat("'", object.type_name(), "' object cannot be sliced"));
  }
  CR_ASSIGN_OR_RETURN(const int64_t size, LengthOf(object));
  CR_ASSIGN_OR_RETURN(const int64_t stride, Bound(step, 1, 0, INT64_MIN + 1, INT64_MAX));
  if (stride == 0) return EvaluationError("slice step cannot be zero");
  const int64_t lowest = stride > 0 ? 0 : -1;
  const int64_t highest = stride > 0 ? size : size - 1;
  CR_ASSIGN_OR_RETURN(const int64_t first,
                      Bound(begin, stride > 0 ? 0 : size - 1, size, lowest, highest));
  CR_ASSIGN_OR_RETURN(const int64_t last,
                      Bound(end, stride > 0 ? size : -1, size, lowest, highest));
  if (object.is_text()) {
    CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(object.text().size()));
    return runtime->Text(SliceText(object.text(), first, last, stride), object.is_markup());
  }
  CR_RETURN_IF_ERROR(runtime->meter()->Work(1 + object.items().size()));
  std::vector<Value> items;
  for (int64_t i = first; stride > 0 ? i < last : i > last;) {
    items.push_back(object.items()[static_cast<size_t>(i)]);
    if (stride > 0 ? last - i <= stride : i - last <= -stride) break;
    i += stride;
  }
  return MakeSequence(runtime->meter(),
                      std::move(items),
                      object.is_tuple() ? SequenceKind::kTuple : SequenceKind::kList);
}

absl::StatusOr<std::optional<Value>> TryCallMethod(Runtime* runtime,
                                                   const Value& object,
                                                   const std::string& name,
                                                   const Arguments& arguments) {
  if (object.is_object() || object.is_undefined()) return std::nullopt;
  const Method* method = FindMethod(object, name);
  if (method == nullptr) return std::nullopt;
  CR_ASSIGN_OR_RETURN(Value result, method->call(runtime, object, arguments));
  return result;
}

bool IsCallable(const Value& value) {
  return value.is_undefined() || (value.is_object() && value.object()->is_callable());
}

absl::StatusOr<Value> CallValue(Runtime* runtime, const Value& callee, Arguments arguments) {
  if (callee.is_undefined()) return callee.UndefinedError();
  if (!IsCallable(callee)) {
    return EvaluationError(absl::StrCat("'", callee.type_name(), "' object is not callable"));
  }
  return callee.object()->Call(runtime, std::move(arguments));
}

}  // namespace convrec::jinja
