#include "libs/jinja/printing.h"

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/object.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

// Appends to one text and keeps it within the limits.
class Printer {
 public:
  explicit Printer(Meter* meter) : meter_(meter) {}

  absl::Status PrintRepr(const Value& value) {
    if (value.is_text()) {
      const std::string literal = QuoteText(value.text());
      return Append(value.is_markup() ? absl::StrCat("Markup(", literal, ")") : literal);
    }
    if (value.is_sequence()) return PrintSequence(value.sequence());
    if (value.is_mapping()) return PrintEntries(value.mapping().entries);
    return PrintAtom(value);
  }

  absl::Status PrintEntries(const std::vector<Mapping::Entry>& entries) {
    CR_RETURN_IF_ERROR(Append("{"));
    const char* separator = "";
    for (const Mapping::Entry& entry : entries) {
      CR_RETURN_IF_ERROR(Append(separator));
      CR_RETURN_IF_ERROR(PrintRepr(entry.first));
      CR_RETURN_IF_ERROR(Append(": "));
      CR_RETURN_IF_ERROR(PrintRepr(entry.second));
      separator = ", ";
    }
    return Append("}");
  }

  absl::Status PrintAtom(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kNone:
        return Append("None");
      case Value::Kind::kBool:
        return Append(value.bool_value() ? "True" : "False");
      case Value::Kind::kInt:
        return Append(absl::StrCat(value.int_value()));
      case Value::Kind::kFloat:
        return Append(FloatText(value.float_value()));
      case Value::Kind::kObject: {
        CR_ASSIGN_OR_RETURN(const std::string text, value.object()->Repr(meter_));
        return Append(text);
      }
      default:
        return Append("Undefined");
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  absl::Status Append(const std::string& part) {
    text_ += part;
    if (meter_ == nullptr) return absl::OkStatus();
    CR_RETURN_IF_ERROR(meter_->CheckText(text_.size()));
    return meter_->WorkOnBytes(part.size());
  }

  absl::Status PrintSequence(const Sequence& sequence) {
    if (sequence.kind == SequenceKind::kRange) return Append(sequence.label);
    const bool is_tuple =
        sequence.kind == SequenceKind::kTuple || sequence.kind == SequenceKind::kGroup;
    const bool is_view = !is_tuple && sequence.kind != SequenceKind::kList;
    if (is_view) {
      CR_RETURN_IF_ERROR(Append(sequence.kind == SequenceKind::kKeys     ? "dict_keys("
                                : sequence.kind == SequenceKind::kValues ? "dict_values("
                                                                         : "dict_items("));
    }
    CR_RETURN_IF_ERROR(Append(is_tuple ? "(" : "["));
    const char* separator = "";
    for (const Value& item : sequence.items) {
      CR_RETURN_IF_ERROR(Append(separator));
      CR_RETURN_IF_ERROR(PrintRepr(item));
      separator = ", ";
    }
    if (is_tuple && sequence.items.size() == 1) CR_RETURN_IF_ERROR(Append(","));
    return Append(is_tuple ? ")" : is_view ? "])" : "]");
  }

  Meter* const meter_;
  std::string text_;
};

}  // namespace

absl::StatusOr<std::string> ToText(Meter* meter, const Value& value) {
  if (value.is_text()) return value.text();
  if (value.is_undefined()) return std::string();
  return Repr(meter, value);
}

absl::StatusOr<std::string> Repr(Meter* meter, const Value& value) {
  Printer printer(meter);
  CR_RETURN_IF_ERROR(printer.PrintRepr(value));
  return printer.Take();
}

absl::StatusOr<Value> ToTextValue(Meter* meter, const Value& value) {
  if (value.is_text()) return value;
  CR_ASSIGN_OR_RETURN(std::string text, ToText(meter, value));
  return MakeText(meter, std::move(text));
}

absl::StatusOr<std::string> ReprOfEntries(Meter* meter,
                                          const std::vector<Mapping::Entry>& entries) {
  Printer printer(meter);
  CR_RETURN_IF_ERROR(printer.PrintEntries(entries));
  return printer.Take();
}

}  // namespace convrec::jinja
