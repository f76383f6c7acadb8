#include "libs/jinja/tests.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/arguments.h"
#include "libs/jinja/arithmetic.h"
#include "libs/jinja/attributes.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/filters.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

using Result = absl::StatusOr<bool>;

// A test without arguments that looks at the value's type only.
template <bool (*kIs)(const Value&)>
Result Is(Runtime* /*runtime*/, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("a test", arguments, {}).status());
  return kIs(subject);
}

bool IsDefined(const Value& v) { return !v.is_undefined(); }
bool IsUndefined(const Value& v) { return v.is_undefined(); }
bool IsNone(const Value& v) { return v.is_none(); }
bool IsBoolean(const Value& v) { return v.is_bool(); }
bool IsFalse(const Value& v) { return v.is_bool() && !v.bool_value(); }
bool IsTrueConstant(const Value& v) { return v.is_bool() && v.bool_value(); }
bool IsInteger(const Value& v) { return v.is_int(); }
bool IsFloat(const Value& v) { return v.is_float(); }
bool IsString(const Value& v) { return v.is_text(); }
bool IsMapping(const Value& v) { return v.is_mapping(); }
bool IsNumber(const Value& v) { return v.is_number(); }
bool IsEscaped(const Value& v) { return v.is_markup(); }

// Values with a length and items by index; jinja2 includes undefined values.
bool IsSequence(const Value& v) {
  if (!v.is_sequence()) return v.is_undefined() || v.is_text() || v.is_mapping();
  const SequenceKind kind = v.sequence().kind;
  return kind != SequenceKind::kKeys && kind != SequenceKind::kValues &&
         kind != SequenceKind::kItems;
}

// value % number == remainder.
Result HasRemainder(Runtime* runtime,
                    const Value& subject,
                    const Value& number,
                    int64_t remainder) {
  CR_ASSIGN_OR_RETURN(const Value rest,
                      ApplyBinary(runtime->meter(), Operator::kModulo, subject, number));
  return AreEqual(runtime->meter(), rest, Value(remainder));
}

template <int64_t kRemainder>
Result HasParity(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("a test", arguments, {}).status());
  return HasRemainder(runtime, subject, Value(int64_t{2}), kRemainder);
}

absl::StatusOr<Value> OneArgument(const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("a test", arguments, {"other"}, 1));
  return *bound.Get(0);
}

Result DivisibleBy(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("divisibleby", arguments, {"num"}, 1));
  return HasRemainder(runtime, subject, *bound.Get(0), 0);
}

Result Equal(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value other, OneArgument(arguments));
  return AreEqual(runtime->meter(), subject, other);
}

Result NotEqual(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const bool is_equal, Equal(runtime, subject, arguments));
  return !is_equal;
}

Result Less(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value other, OneArgument(arguments));
  return IsLess(runtime->meter(), subject, other);
}

Result Greater(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value other, OneArgument(arguments));
  return IsLess(runtime->meter(), other, subject);
}

Result LessEqual(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value other, OneArgument(arguments));
  return IsLessOrEqual(runtime->meter(), subject, other);
}

Result GreaterEqual(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value other, OneArgument(arguments));
  return IsLessOrEqual(runtime->meter(), other, subject);
}

Result SameAs(Runtime* /*runtime*/, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value other, OneArgument(arguments));
  return subject.IsSameAs(other);
}

Result In(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value container, OneArgument(arguments));
  return Contains(runtime->meter(), container, subject);
}

template <bool kIsUpper>
Result HasCase(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("a test", arguments, {}).status());
  CR_ASSIGN_OR_RETURN(const std::string text, ToText(runtime->meter(), subject));
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * text.size()));
  return *TextProperty(kIsUpper ? "isupper" : "islower", text);
}

Result IsFilterName(Runtime* /*runtime*/, const Value& subject, const Arguments& /*arguments*/) {
  return subject.is_text() && FindFilter(subject.text()) != nullptr;
}

Result IsTestName(Runtime* /*runtime*/, const Value& subject, const Arguments& /*arguments*/) {
  return subject.is_text() && FindTest(subject.text()) != nullptr;
}

constexpr Test kTests[] = {
    {"defined", Is<IsDefined>},
    {"undefined", Is<IsUndefined>},
    {"none", Is<IsNone>},
    {"boolean", Is<IsBoolean>},
    {"false", Is<IsFalse>},
    {"true", Is<IsTrueConstant>},
    {"integer", Is<IsInteger>},
    {"float", Is<IsFloat>},
    {"string", Is<IsString>},
    {"mapping", Is<IsMapping>},
    {"number", Is<IsNumber>},
    {"sequence", Is<IsSequence>},
    {"iterable", Is<IsIterable>},
    {"callable", Is<IsCallable>},
    {"escaped", Is<IsEscaped>},
    {"odd", HasParity<1>},
    {"even", HasParity<0>},
    {"divisibleby", DivisibleBy},
    {"lower", HasCase<false>},
    {"upper", HasCase<true>},
    {"sameas", SameAs},
    {"in", In},
    {"filter", IsFilterName},
    {"test", IsTestName},
    {"eq", Equal},
    {"equalto", Equal},
    {"==", Equal},
    {"ne", NotEqual},
    {"!=", NotEqual},
    {"lt", Less},
    {"lessthan", Less},
    {"<", Less},
    {"le", LessEqual},
    {"<=", LessEqual},
    {"gt", Greater},
    {"greaterthan", Greater},
    {">", Greater},
    {"ge", GreaterEqual},
    {">=", GreaterEqual},
};

}  // namespace

const Test* FindTest(std::string_view name) {
  const auto* found = std::find_if(
      std::begin(kTests), std::end(kTests), [&](const Test& test) { return name == test.name; });
  return found == std::end(kTests) ? nullptr : found;
}

}  // namespace convrec::jinja
