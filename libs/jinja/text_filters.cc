// Filters that produce texts and numbers.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/arguments.h"
#include "libs/jinja/filters.h"
#include "libs/jinja/json_text.h"
#include "libs/jinja/methods.h"
#include "libs/jinja/percent_format.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/python_text.h"
#include "libs/text/unicode_text.h"

namespace convrec::jinja {
namespace {

using Result = absl::StatusOr<Value>;

// Calls the method of that name on the value as text.
template <const char* kName>
Result AsMethod(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value text, ToTextValue(runtime->meter(), subject));
  return FindTextMethod(kName)->call(runtime, text, arguments);
}

constexpr char kUpper[] = "upper";
constexpr char kLower[] = "lower";
constexpr char kCapitalize[] = "capitalize";
constexpr char kStrip[] = "strip";

Result ToString(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("string", arguments, {}).status());
  return ToTextValue(runtime->meter(), subject);
}

Result Safe(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("safe", arguments, {}).status());
  CR_ASSIGN_OR_RETURN(std::string text, ToText(runtime->meter(), subject));
  return runtime->Text(std::move(text), /*is_markup=*/true);
}

template <bool kIsForced>
Result Escape(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("escape", arguments, {}).status());
  if (subject.is_markup() && !kIsForced) return subject;
  CR_ASSIGN_OR_RETURN(const std::string text, ToText(runtime->meter(), subject));
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(8 * text.size()));
  return runtime->Text(EscapeHtml(text), /*is_markup=*/true);
}

Result ReplaceFilter(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("replace", arguments, {"old", "new", "count"}, 2));
  Meter* const meter = runtime->meter();
  CR_ASSIGN_OR_RETURN(const std::string text, ToText(meter, subject));
  CR_ASSIGN_OR_RETURN(const std::string old, ToText(meter, *bound.Get(0)));
  CR_ASSIGN_OR_RETURN(const std::string replacement, ToText(meter, *bound.Get(1)));
  const bool has_count = !bound.IsNone(2);
  CR_ASSIGN_OR_RETURN(const int64_t count, has_count ? bound.Integer(2, -1) : -1);
  CR_RETURN_IF_ERROR(meter->WorkOnBytes(16 * text.size()));
  auto replaced = Replace(text, old, replacement, count, meter->limits().max_output_bytes);
  if (!replaced) return meter->CheckText(meter->limits().max_output_bytes + 1);
  return runtime->Text(*std::move(replaced));
}

// Words begin after whitespace, hyphens and opening brackets here; str.title() differs.
Result TitleFilter(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("title", arguments, {}).status());
  CR_ASSIGN_OR_RETURN(const std::string text, ToText(runtime->meter(), subject));
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * text.size()));
  std::string titled;
  std::string word;
  const auto end_word = [&] {
    const size_t first = ByteOfCharacter(word, 1);
    titled += Upper(std::string_view(word).substr(0, first)) +
              Lower(std::string_view(word).substr(first));
    word.clear();
  };
  for (const char32_t c : text::DecodeUtf8(text)) {
    if (c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || text::IsSpace(c)) {
      end_word();
      titled += text::EncodeUtf8({&c, 1});
    } else {
      word += text::EncodeUtf8({&c, 1});
    }
  }
  end_word();
  return runtime->Text(std::move(titled));
}

Result Indent(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("indent", arguments, {"width", "first", "blank"}));
  if (subject.is_undefined()) return subject.UndefinedError();
  if (!subject.is_text()) {
    return EvaluationError(absl::StrCat("indent needs a text, not ", subject.type_name()));
  }
  Meter* const meter = runtime->meter();
  std::string indentation;
  if (bound.Has(0) && bound.Get(0)->is_text()) {
    indentation = bound.Get(0)->text();
  } else {
    CR_ASSIGN_OR_RETURN(const int64_t width, bound.Integer(0, 4));
    CR_RETURN_IF_ERROR(meter->CheckText(static_cast<uint64_t>(std::max<int64_t>(0, width))));
    indentation.assign(static_cast<size_t>(std::max<int64_t>(0, width)), ' ');
  }
  const bool with_blank = bound.True(2, false);
  const std::string text = subject.text() + "\n";
  std::string indented = bound.True(1, false) ? indentation : "";
  bool is_first = true;
  for (const std::string_view line : SplitLines(text, /*keeps_ends=*/false)) {
    if (!is_first) {
      indented += '\n';
      if (with_blank || !line.empty()) indented += indentation;
    }
    indented += line;
    is_first = false;
    CR_RETURN_IF_ERROR(meter->CheckText(indented.size()));
    CR_RETURN_IF_ERROR(meter->WorkOnBytes(16 * line.size() + indentation.size()));
  }
  return runtime->Text(std::move(indented), subject.is_markup());
}

Result Truncate(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(
      const auto bound,
      BoundArguments::Bind("truncate", arguments, {"length", "killwords", "end", "leeway"}));
  CR_ASSIGN_OR_RETURN(const int64_t length, bound.Integer(0, 255));
  CR_ASSIGN_OR_RETURN(const std::string_view end, bound.Text(2, "..."));
  const bool has_leeway = !bound.IsNone(3);
  CR_ASSIGN_OR_RETURN(const int64_t leeway, has_leeway ? bound.Integer(3, 5) : 5);
  if (!subject.is_text()) {
    return EvaluationError(absl::StrCat("truncate needs a text, not ", subject.type_name()));
  }
  const auto end_size = static_cast<int64_t>(NumCharacters(end));
  if (length < end_size || leeway < 0) return EvaluationError("truncate got a bad length");
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(subject.text().size()));
  const auto size = static_cast<int64_t>(NumCharacters(subject.text()));
  if (size <= length || size - length <= leeway) return subject;
  std::string cut = SliceText(subject.text(), 0, length - end_size, 1);
  if (!bound.True(1, false)) {
    const size_t space = cut.rfind(' ');
    if (space != std::string::npos) cut.resize(space);
  }
  return runtime->Text(cut + std::string(end), subject.is_markup());
}

Result Center(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("center", arguments, {"width"}));
  CR_ASSIGN_OR_RETURN(const int64_t width, bound.Integer(0, 80));
  CR_ASSIGN_OR_RETURN(const Value text, ToTextValue(runtime->meter(), subject));
  Arguments width_only;
  width_only.positional.push_back(Value(width));
  return FindTextMethod("center")->call(runtime, text, width_only);
}

Result WordCount(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("wordcount", arguments, {}).status());
  CR_ASSIGN_OR_RETURN(const std::string text, ToText(runtime->meter(), subject));
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(16 * text.size()));
  int64_t count = 0;
  bool is_in_word = false;
  for (const char32_t c : text::DecodeUtf8(text)) {
    if (IsWordCharacter(c) && !is_in_word) ++count;
    is_in_word = IsWordCharacter(c);
  }
  return Value(count);
}

Result FormatFilter(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    return EvaluationError("format takes arguments by position or by name, not both");
  }
  CR_ASSIGN_OR_RETURN(const Value format, ToTextValue(runtime->meter(), subject));
  if (arguments.named.empty()) {
    CR_ASSIGN_OR_RETURN(const Value values, runtime->Tuple(arguments.positional));
    return FormatPercent(runtime->meter(), format, values);
  }
  MappingBuilder values(runtime->meter());
  for (const auto& [name, value] : arguments.named) values.SetText(name, value);
  CR_ASSIGN_OR_RETURN(const Value mapping, values.Build());
  return FormatPercent(runtime->meter(), format, mapping);
}

Result ToJsonFilter(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(
      const auto bound,
      BoundArguments::Bind(
          "tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.is_ascii = bound.True(0, false);
  if (!bound.IsNone(1)) {
    if (bound.Get(1)->is_text()) {
      style.indent = bound.Get(1)->text();
    } else {
      CR_ASSIGN_OR_RETURN(const int64_t width, bound.Integer(1, 0));
      CR_RETURN_IF_ERROR(
          runtime->meter()->CheckText(static_cast<uint64_t>(std::max<int64_t>(0, width))));
      style.indent = std::string(static_cast<size_t>(std::max<int64_t>(0, width)), ' ');
    }
    style.item_separator = ",";  // A line break follows it.
  }
  if (!bound.IsNone(2)) {
    const Value& separators = *bound.Get(2);
    if (!separators.is_sequence() || separators.items().size() != 2 ||
        !separators.items()[0].is_text() || !separators.items()[1].is_text()) {
      return EvaluationError("separators must be two texts");
    }
    style.item_separator = separators.items()[0].text();
    style.key_separator = separators.items()[1].text();
  }
  style.sorts_keys = bound.True(3, false);
  CR_ASSIGN_OR_RETURN(std::string json, ToJson(runtime->meter(), subject, style));
  return runtime->Text(std::move(json));
}

Result UrlEncode(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("urlencode", arguments, {}).status());
  if (subject.is_mapping() || subject.is_sequence()) {
    return EvaluationError("urlencode of anything but a text is not supported");
  }
  CR_ASSIGN_OR_RETURN(const std::string text, ToText(runtime->meter(), subject));
  CR_RETURN_IF_ERROR(runtime->meter()->CheckText(3 * text.size()));
  std::string encoded;
  for (const char c : text) {
    const bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') ||
                         std::string_view("_.-~/").find(c) != std::string_view::npos;
    if (is_kept) {
      encoded += c;
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return runtime->Text(std::move(encoded));
}

constexpr Filter kFilters[] = {
    {"capitalize", AsMethod<kCapitalize>},
    {"center", Center},
    {"e", Escape<false>},
    {"escape", Escape<false>},
    {"forceescape", Escape<true>},
    {"format", FormatFilter},
    {"indent", Indent},
    {"lower", AsMethod<kLower>},
    {"replace", ReplaceFilter},
    {"safe", Safe},
    {"string", ToString},
    {"title", TitleFilter},
    {"tojson", ToJsonFilter},
    {"trim", AsMethod<kStrip>},
    {"truncate", Truncate},
    {"upper", AsMethod<kUpper>},
    {"urlencode", UrlEncode},
    {"wordcount", WordCount},
};

}  // namespace

const Filter* FindTextFilter(std::string_view name) {
  const auto* found = std::find_if(
      std::begin(kFilters), std::end(kFilters), [&](const Filter& f) { return name == f.name; });
  return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace convrec::jinja
