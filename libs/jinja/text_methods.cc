// The methods of texts.
#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/arguments.h"
#include "libs/jinja/brace_format.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/methods.h"
#include "libs/jinja/number_format.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

using Result = absl::StatusOr<Value>;

// A text of the same kind: text derived from safe text is safe.
Result Like(Runtime* runtime, const Value& self, std::string text) {
  return runtime->Text(std::move(text), self.is_markup());
}

// Text inserted into a safe text is escaped.
std::string Into(const Value& self, const Value& text) {
  return self.is_markup() && !text.is_markup() ? EscapeHtml(text.text()) : text.text();
}

absl::Status ExpectNone(const char* name, const Arguments& arguments) {
  return BoundArguments::Bind(name, arguments, {}).status();
}

// A method without arguments that turns a text into a text.
template <std::string (*kFunction)(std::string_view)>
Result Map(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(ExpectNone("a method of str", arguments));
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * self.text().size()));
  return Like(runtime, self, kFunction(self.text()));
}

template <Side kSide>
Result StripMethod(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("strip", arguments, {"chars"}));
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * self.text().size()));
  std::optional<std::string_view> characters;
  if (!bound.IsNone(0)) {
    CR_ASSIGN_OR_RETURN(characters, bound.Text(0, ""));
  }
  return Like(runtime, self, std::string(Strip(self.text(), characters, kSide)));
}

Result ListOfTexts(Runtime* runtime,
                   const Value& self,
                   const std::vector<std::string_view>& parts,
                   SequenceKind kind = SequenceKind::kList) {
  CR_RETURN_IF_ERROR(runtime->meter()->CheckMemory(parts.size() * (sizeof(Value) + sizeof(Text))));
  std::vector<Value> items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) {
    CR_ASSIGN_OR_RETURN(Value item, Like(runtime, self, std::string(part)));
    items.push_back(std::move(item));
  }
  return MakeSequence(runtime->meter(), std::move(items), kind);
}

template <bool kIsFromRight>
Result SplitMethod(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("split", arguments, {"sep", "maxsplit"}));
  CR_ASSIGN_OR_RETURN(const int64_t max_splits, bound.Integer(1, -1));
  std::optional<std::string_view> separator;
  if (!bound.IsNone(0)) {
    CR_ASSIGN_OR_RETURN(separator, bound.Text(0, ""));
    if (separator->empty()) return EvaluationError("empty separator");
  }
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * self.text().size()));
  return ListOfTexts(runtime, self, Split(self.text(), separator, max_splits, kIsFromRight));
}

Result SplitLinesMethod(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("splitlines", arguments, {"keepends"}));
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * self.text().size()));
  return ListOfTexts(runtime, self, SplitLines(self.text(), bound.True(0, false)));
}

template <bool kIsFromRight>
Result PartitionMethod(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("partition", arguments, {"sep"}, 1));
  CR_ASSIGN_OR_RETURN(const std::string_view separator, bound.Text(0, ""));
  if (separator.empty()) return EvaluationError("empty separator");
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(4 * self.text().size()));
  const std::string_view text = self.text();
  const size_t at = kIsFromRight ? FindLastBytes(text, separator) : FindBytes(text, separator);
  std::vector<std::string_view> parts = {text, "", ""};
  if (at != std::string_view::npos) {
    parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  } else if (kIsFromRight) {
    parts = {"", "", text};
  }
  return ListOfTexts(runtime, self, parts, SequenceKind::kTuple);
}

// text[begin:end] to search in; none when the bounds do not even leave an empty text.
Result SliceForSearch(Runtime* runtime, const Value& self, const Value& begin, const Value& end) {
  CR_ASSIGN_OR_RETURN(const int64_t size, LengthOf(self));
  const auto resolve = [&](const Value& value, int64_t otherwise) -> absl::StatusOr<int64_t> {
    if (value.is_none()) return otherwise;
    if (!value.is_integral()) return EvaluationError("slice indices must be integers or None");
    return value.int_value() < 0 ? std::max<int64_t>(0, value.int_value() + size)
                                 : value.int_value();
  };
  CR_ASSIGN_OR_RETURN(const int64_t first, resolve(begin, 0));
  CR_ASSIGN_OR_RETURN(const int64_t wanted_last, resolve(end, size));
  const int64_t last = std::min(wanted_last, size);
  if (first > last) return Value(None{});
  if (first == 0 && last == size) return self;
  return Like(runtime, self, SliceText(self.text(), first, last, 1));
}

// Whether the text begins or ends with one of the given parts, between two positions.
template <bool kIsAtStart>
Result HasAffix(Runtime* runtime, const Value& self, const Arguments& arguments) {
  const char* const name = kIsAtStart ? "startswith" : "endswith";
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind(name, arguments, {"affix", "start", "end"}, 1));
  Value text = self;
  if (bound.Has(1) || bound.Has(2)) {
    const Value begin = bound.Has(1) ? *bound.Get(1) : Value(None{});
    const Value end = bound.Has(2) ? *bound.Get(2) : Value(None{});
    CR_ASSIGN_OR_RETURN(text, SliceForSearch(runtime, self, begin, end));
    if (text.is_none()) return Value(false);
  }
  const Value& affix = *bound.Get(0);
  const std::vector<Value> affixes = affix.is_tuple() ? affix.items() : std::vector<Value>{affix};
  for (const Value& part : affixes) {
    if (part.is_undefined()) return part.UndefinedError();
    if (!part.is_text()) {
      return EvaluationError(
          absl::StrCat(name, " first arg must be str or a tuple of str, not ", part.type_name()));
    }
    CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(part.text().size()));
    const std::string_view whole = text.text();
    const std::string& wanted = part.text();
    if (wanted.size() > whole.size()) continue;
    if (whole.substr(kIsAtStart ? 0 : whole.size() - wanted.size(), wanted.size()) == wanted) {
      return Value(true);
    }
  }
  return Value(false);
}

template <bool kIsFromRight, bool kMustBeFound>
Result FindMethodOf(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("find", arguments, {"sub", "start", "end"}, 1));
  CR_ASSIGN_OR_RETURN(const std::string_view part, bound.Text(0, ""));
  CR_ASSIGN_OR_RETURN(const int64_t size, LengthOf(self));
  const Value begin = bound.Has(1) ? *bound.Get(1) : Value(None{});
  const Value end = bound.Has(2) ? *bound.Get(2) : Value(None{});
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(8 * self.text().size()));
  CR_ASSIGN_OR_RETURN(const Value text, SliceForSearch(runtime, self, begin, end));
  size_t at = std::string_view::npos;
  if (!text.is_none()) {
    at = kIsFromRight ? FindLastBytes(text.text(), part) : FindBytes(text.text(), part);
  }
  if (at == std::string_view::npos) {
    if (kMustBeFound) return EvaluationError("substring not found");
    return Value(int64_t{-1});
  }
  int64_t first = begin.is_none() ? 0 : begin.int_value();
  if (first < 0) first = std::max<int64_t>(0, first + size);
  const size_t before = NumCharacters(std::string_view(text.text()).substr(0, at));
  return Value(first + static_cast<int64_t>(before));
}

Result CountMethod(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("count", arguments, {"sub", "start", "end"}, 1));
  CR_ASSIGN_OR_RETURN(const std::string_view part, bound.Text(0, ""));
  const Value begin = bound.Has(1) ? *bound.Get(1) : Value(None{});
  const Value end = bound.Has(2) ? *bound.Get(2) : Value(None{});
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(8 * self.text().size()));
  CR_ASSIGN_OR_RETURN(const Value text, SliceForSearch(runtime, self, begin, end));
  return Value(text.is_none() ? int64_t{0} : static_cast<int64_t>(CountParts(text.text(), part)));
}

Result ReplaceMethod(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("replace", arguments, {"old", "new", "count"}, 2));
  CR_ASSIGN_OR_RETURN(const std::string_view old, bound.Text(0, ""));
  CR_RETURN_IF_ERROR(bound.Text(1, "").status());
  CR_ASSIGN_OR_RETURN(const int64_t count, bound.Integer(2, -1));
  const uint64_t most = runtime->meter()->limits().max_output_bytes;
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * self.text().size()));
  auto text = Replace(self.text(), old, Into(self, *bound.Get(1)), count, most);
  if (!text) return runtime->meter()->CheckText(most + 1);
  return Like(runtime, self, *std::move(text));
}

Result JoinMethod(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("join", arguments, {"iterable"}, 1));
  if (bound.Get(0)->is_undefined()) return bound.Get(0)->UndefinedError();
  CR_ASSIGN_OR_RETURN(const auto source, Iterate(runtime->meter(), *bound.Get(0)));
  std::string joined;
  Value item;
  for (bool is_first = true;; is_first = false) {
    CR_ASSIGN_OR_RETURN(const bool has_next, source->Next(&item));
    if (!has_next) return Like(runtime, self, std::move(joined));
    if (!item.is_text() && self.is_markup()) {
      CR_ASSIGN_OR_RETURN(item, ToTextValue(runtime->meter(), item));
    }
    if (!item.is_text()) {
      return EvaluationError(
          absl::StrCat("join() needs items of type str, not ", item.type_name()));
    }
    if (!is_first) joined += self.text();
    joined += Into(self, item);
    CR_RETURN_IF_ERROR(runtime->meter()->CheckText(joined.size()));
    CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(item.text().size() + self.text().size()));
  }
}

// ljust, rjust, center.
template <char kAlign>
Result Justify(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("just", arguments, {"width", "fillchar"}, 1));
  CR_ASSIGN_OR_RETURN(const int64_t width, bound.Integer(0, 0));
  CR_ASSIGN_OR_RETURN(const std::string_view fill, bound.Text(1, " "));
  if (NumCharacters(fill) != 1) {
    return EvaluationError("the fill character must be exactly one character long");
  }
  FormatSpec spec;
  spec.fill = std::string(fill);
  spec.align = kAlign;
  spec.width = static_cast<uint64_t>(std::max<int64_t>(0, width));
  const uint64_t size = NumCharacters(self.text());
  // Python's center() puts the odd one to the left when the width is odd.
  if (kAlign == '^' && spec.width > size && (spec.width - size) % 2 == 1 && spec.width % 2 == 1) {
    spec.width -= 1;
    CR_ASSIGN_OR_RETURN(const std::string text, Pad(runtime->meter(), self.text(), spec, '<'));
    return Like(runtime, self, std::string(fill) + text);
  }
  CR_ASSIGN_OR_RETURN(std::string text, Pad(runtime->meter(), self.text(), spec, '<'));
  return Like(runtime, self, std::move(text));
}

Result ZeroFill(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("zfill", arguments, {"width"}, 1));
  CR_ASSIGN_OR_RETURN(const int64_t width, bound.Integer(0, 0));
  const std::string& text = self.text();
  const size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  FormatSpec spec;
  spec.fill = "0";
  spec.width = static_cast<uint64_t>(std::max<int64_t>(0, width - static_cast<int64_t>(sign)));
  CR_ASSIGN_OR_RETURN(const std::string digits,
                      Pad(runtime->meter(), text.substr(sign), spec, '>'));
  return Like(runtime, self, text.substr(0, sign) + digits);
}

template <bool kIsPrefix>
Result RemoveAffix(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("remove", arguments, {"affix"}, 1));
  CR_ASSIGN_OR_RETURN(const std::string_view affix, bound.Text(0, ""));
  std::string_view text = self.text();
  if (affix.size() <= text.size()) {
    const size_t at = kIsPrefix ? 0 : text.size() - affix.size();
    if (text.substr(at, affix.size()) == affix) {
      text = kIsPrefix ? text.substr(affix.size()) : text.substr(0, at);
    }
  }
  return Like(runtime, self, std::string(text));
}

Result FormatMethod(Runtime* runtime, const Value& self, const Arguments& arguments) {
  return FormatBraces(runtime, self, arguments);
}

constexpr const char* kProperties[] = {"isalnum",
                                       "isalpha",
                                       "isascii",
                                       "isdecimal",
                                       "isdigit",
                                       "islower",
                                       "isnumeric",
                                       "isprintable",
                                       "isspace",
                                       "istitle",
                                       "isupper"};

template <size_t kIndex>
Result Property(Runtime* runtime, const Value& self, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(ExpectNone(kProperties[kIndex], arguments));
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * self.text().size()));
  return Value(*TextProperty(kProperties[kIndex], self.text()));
}

constexpr Method kMethods[] = {
    {"capitalize", Map<Capitalize>},
    {"casefold", Map<CaseFold>},
    {"center", Justify<'^'>},
    {"count", CountMethod},
    {"endswith", HasAffix<false>},
    {"find", FindMethodOf<false, false>},
    {"format", FormatMethod},
    {"index", FindMethodOf<false, true>},
    {"isalnum", Property<0>},
    {"isalpha", Property<1>},
    {"isascii", Property<2>},
    {"isdecimal", Property<3>},
    {"isdigit", Property<4>},
    {"islower", Property<5>},
    {"isnumeric", Property<6>},
    {"isprintable", Property<7>},
    {"isspace", Property<8>},
    {"istitle", Property<9>},
    {"isupper", Property<10>},
    {"join", JoinMethod},
    {"ljust", Justify<'<'>},
    {"lower", Map<Lower>},
    {"lstrip", StripMethod<Side::kLeft>},
    {"partition", PartitionMethod<false>},
    {"removeprefix", RemoveAffix<true>},
    {"removesuffix", RemoveAffix<false>},
    {"replace", ReplaceMethod},
    {"rfind", FindMethodOf<true, false>},
    {"rindex", FindMethodOf<true, true>},
    {"rjust", Justify<'>'>},
    {"rpartition", PartitionMethod<true>},
    {"rsplit", SplitMethod<true>},
    {"rstrip", StripMethod<Side::kRight>},
    {"split", SplitMethod<false>},
    {"splitlines", SplitLinesMethod},
    {"startswith", HasAffix<true>},
    {"strip", StripMethod<Side::kBoth>},
    {"swapcase", Map<SwapCase>},
    {"title", Map<Title>},
    {"upper", Map<Upper>},
    {"zfill", ZeroFill},
};

}  // namespace

const Method* FindTextMethod(std::string_view name) {
  const auto* found = std::find_if(
      std::begin(kMethods), std::end(kMethods), [&](const Method& m) { return name == m.name; });
  return found == std::end(kMethods) ? nullptr : found;
}

}  // namespace convrec::jinja
