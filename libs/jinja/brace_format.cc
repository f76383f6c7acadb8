#include "libs/jinja/brace_format.h"

#include <charconv>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/attributes.h"
#include "libs/jinja/number_format.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

std::optional<int64_t> AsNumber(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last != end || text[0] == '-') return std::nullopt;
  return number;
}

class BraceFormatter {
 public:
  BraceFormatter(Runtime* runtime, bool is_markup, const Arguments& arguments)
      : runtime_(runtime), is_markup_(is_markup), arguments_(arguments) {}

  // `depth` is how deeply specifications are nested; Python allows two levels.
  absl::StatusOr<std::string> Format(std::string_view rest, int depth) {
    if (depth > 2) return EvaluationError("the format specification is nested too deep");
    std::string out;
    while (!rest.empty()) {
      const size_t brace = std::min(rest.find_first_of("{}"), rest.size());
      out += rest.substr(0, brace);
      rest.remove_prefix(brace);
      if (rest.empty()) break;
      if (rest.size() > 1 && rest[1] == rest[0]) {
        out += rest[0];
        rest.remove_prefix(2);
        continue;
      }
      if (rest[0] == '}') return EvaluationError("single '}' encountered in format string");
      CR_ASSIGN_OR_RETURN(const size_t size, SizeOfField(rest));
      CR_ASSIGN_OR_RETURN(const std::string part, FormatField(rest.substr(1, size - 2), depth));
      out += part;
      rest.remove_prefix(size);
      CR_RETURN_IF_ERROR(runtime_->meter()->CheckText(out.size()));
      CR_RETURN_IF_ERROR(runtime_->meter()->WorkOnBytes(part.size()));
    }
    return out;
  }

 private:
  // The size includes its braces and any inside it.
  static absl::StatusOr<size_t> SizeOfField(std::string_view text) {
    int open = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '{') ++open;
      if (text[i] == '}' && --open == 0) return i + 1;
    }
    return EvaluationError("single '{' encountered in format string");
  }

  // "name!conversion:specification", without the braces.
  absl::StatusOr<std::string> FormatField(std::string_view field, int depth) {
    const size_t name_end = std::min(EndOfName(field), field.size());
    CR_ASSIGN_OR_RETURN(Value value, FindField(field.substr(0, name_end)));
    field.remove_prefix(name_end);
    if (!field.empty() && field[0] == '!') {
      if (field.size() < 2 || (field.size() > 2 && field[2] != ':')) {
        return EvaluationError("expected ':' after conversion specifier");
      }
      CR_ASSIGN_OR_RETURN(value, Convert(value, field[1]));
      field.remove_prefix(2);
    }
    if (!field.empty()) field.remove_prefix(1);  // The colon.
    CR_ASSIGN_OR_RETURN(const std::string specification, Format(field, depth + 1));
    std::string text;
    if (specification.empty()) {
      CR_ASSIGN_OR_RETURN(text, ToText(runtime_->meter(), value));
    } else {
      CR_ASSIGN_OR_RETURN(const FormatSpec spec, ParseFormatSpec(specification));
      CR_ASSIGN_OR_RETURN(text, FormatValue(runtime_->meter(), value, spec));
    }
    return is_markup_ && !value.is_markup() ? EscapeHtml(text) : text;
  }

  // Brackets may hold the characters that end a name.
  static size_t EndOfName(std::string_view field) {
    bool is_in_brackets = false;
    for (size_t i = 0; i < field.size(); ++i) {
      if (field[i] == '[') is_in_brackets = true;
      if (field[i] == ']') is_in_brackets = false;
      if (!is_in_brackets && (field[i] == '!' || field[i] == ':')) return i;
    }
    return field.size();
  }

  absl::StatusOr<Value> Convert(const Value& value, char conversion) {
    std::string text;
    if (conversion == 'r' || conversion == 'a') {
      CR_ASSIGN_OR_RETURN(text, Repr(runtime_->meter(), value));
      if (conversion == 'a' && NumCharacters(text) != text.size()) {
        return EvaluationError("the conversion '!a' of such text is not supported");
      }
    } else if (conversion == 's') {
      CR_ASSIGN_OR_RETURN(text, ToText(runtime_->meter(), value));
    } else {
      return EvaluationError(
          absl::StrCat("unknown conversion specifier '", std::string(1, conversion), "'"));
    }
    return runtime_->Text(std::move(text));
  }

  // "", "0" or "name", followed by ".attribute" and "[key]".
  absl::StatusOr<Value> FindField(std::string_view path) {
    const size_t first_end = std::min(path.find_first_of(".["), path.size());
    CR_ASSIGN_OR_RETURN(Value value, FindArgument(path.substr(0, first_end)));
    path.remove_prefix(first_end);
    while (!path.empty()) {
      if (path[0] == '.') {
        const size_t end = std::min(path.find_first_of(".[", 1), path.size());
        CR_ASSIGN_OR_RETURN(value,
                            GetAttribute(runtime_, value, std::string(path.substr(1, end - 1))));
        path.remove_prefix(end);
        continue;
      }
      const size_t end = path.find(']');
      if (path[0] != '[' || end == std::string_view::npos) {
        return EvaluationError("missing ']' in format string");
      }
      const std::string_view key = path.substr(1, end - 1);
      const std::optional<int64_t> number = AsNumber(key);
      CR_ASSIGN_OR_RETURN(
          value,
          GetItem(runtime_, value, number ? Value(*number) : Value::OfText(std::string(key))));
      path.remove_prefix(end + 1);
    }
    return value;
  }

  absl::StatusOr<Value> FindArgument(std::string_view name) {
    std::optional<int64_t> index = AsNumber(name);
    if (name.empty() ? is_numbered_by_hand_ : index && next_ > 0) {
      return EvaluationError("fields are numbered by hand and automatically");
    }
    if (name.empty()) {
      index = next_++;
    } else if (index) {
      is_numbered_by_hand_ = true;
    }
    if (index) {
      const auto& positional = arguments_.positional;
      if (static_cast<uint64_t>(*index) < positional.size()) {
        return positional[static_cast<size_t>(*index)];
      }
      return EvaluationError(absl::StrCat("the format has no argument number ", *index));
    }
    if (const Value* value = arguments_.Named(name)) return *value;
    return EvaluationError(absl::StrCat("the format has no argument '", std::string(name), "'"));
  }

  Runtime* const runtime_;
  const bool is_markup_;
  const Arguments& arguments_;
  int64_t next_ = 0;
  bool is_numbered_by_hand_ = false;
};

}  // namespace

absl::StatusOr<Value> FormatBraces(Runtime* runtime,
                                   const Value& format,
                                   const Arguments& arguments) {
  BraceFormatter formatter(runtime, format.is_markup(), arguments);
  CR_ASSIGN_OR_RETURN(std::string text, formatter.Format(format.text(), 0));
  return runtime->Text(std::move(text), format.is_markup());
}

}  // namespace convrec::jinja
