#include "libs/jinja/json_text.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/python_text.h"
#include "libs/text/unicode_text.h"

namespace convrec::jinja {
namespace {

// Builds values while nlohmann's parser reads a text.
class ValueReader {
 public:
  bool null() { return Add(Value(None{})); }
  bool boolean(bool value) { return Add(Value(value)); }
  bool number_integer(int64_t value) { return Add(Value(value)); }
  bool number_unsigned(uint64_t value) {
    if (value > static_cast<uint64_t>(INT64_MAX)) return Fail("an integer needs more than 64 bits");
    return Add(Value(static_cast<int64_t>(value)));
  }
  bool number_float(double value, const std::string& text) {
    if (text.find_first_of(".eE") == std::string::npos) {
      return Fail("an integer needs more than 64 bits");
    }
    return Add(Value(value));
  }
  bool string(std::string& value) { return Add(Value::OfText(std::move(value))); }
  bool binary(std::vector<uint8_t>& /*value*/) { return Fail("binary values are no JSON"); }
  bool start_object(size_t /*size*/) { return Open(/*is_object=*/true); }
  bool start_array(size_t /*size*/) { return Open(/*is_object=*/false); }
  bool key(std::string& name) {
    open_.back().key = std::move(name);
    return true;
  }
  bool end_object() {
    absl::StatusOr<Value> value = open_.back().entries.Build();
    open_.pop_back();
    return value.ok() ? Add(*std::move(value)) : Fail(std::string(value.status().message()));
  }
  bool end_array() {
    absl::StatusOr<Value> value = MakeSequence(nullptr, std::move(open_.back().items));
    open_.pop_back();
    return value.ok() ? Add(*std::move(value)) : Fail(std::string(value.status().message()));
  }
  bool parse_error(size_t position, const std::string& /*token*/, const std::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ...".
    const std::string_view text = error.what();
    const size_t begin = text.find("parse error");
    return Fail(begin == std::string_view::npos ? absl::StrCat("parse error at byte ", position)
                                                : std::string(text.substr(text.find("at", begin))));
  }

  Value TakeResult() { return std::move(result_); }
  const std::string& error() const { return error_; }

 private:
  struct Container {
    bool is_object = false;
    std::string key;
    std::vector<Value> items;
    MappingBuilder entries{nullptr};
  };

  bool Fail(std::string message) {
    error_ = std::move(message);
    return false;
  }
  bool Open(bool is_object) {
    if (open_.size() >= kMaxValueDepth) {
      return Fail(absl::StrCat("nested deeper than ", kMaxValueDepth, " levels"));
    }
    open_.emplace_back();
    open_.back().is_object = is_object;
    return true;
  }
  bool Add(Value value) {
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().entries.SetText(open_.back().key, std::move(value));
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Container> open_;
  Value result_;
  std::string error_;
};

void AppendJsonString(std::string_view text, bool is_ascii, std::string* out) {
  *out += '"';
  for (const char32_t c : text::DecodeUtf8(text)) {
    constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
    constexpr std::string_view kLetters = "\"\\bfnrt";
    if (const size_t at = c < 0x80 ? kEscaped.find(static_cast<char>(c)) : std::string_view::npos;
        at != std::string_view::npos) {
      *out += {'\\', kLetters[at]};
    } else if (c < 0x20 || (is_ascii && c >= 0x7F && c < 0x10000)) {
      absl::StrAppendFormat(out, "\\u%04x", static_cast<uint32_t>(c));
    } else if (is_ascii && c >= 0x10000) {
      const auto rest = static_cast<uint32_t>(c) - 0x10000;
      absl::StrAppendFormat(out, "\\u%04x\\u%04x", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      *out += text::EncodeUtf8({&c, 1});
    }
  }
  *out += '"';
}

class JsonWriter {
 public:
  JsonWriter(Meter* meter, const JsonStyle& style) : meter_(meter), style_(style) {}

  absl::Status Write(const Value& value, int level) {
    if (meter_ != nullptr) {
      CR_RETURN_IF_ERROR(meter_->CheckText(text_.size()));
      CR_RETURN_IF_ERROR(meter_->WorkOnBytes(text_.size() - counted_));
      counted_ = text_.size();
    }
    switch (value.kind()) {
      case Value::Kind::kText:
        AppendJsonString(value.text(), style_.is_ascii, &text_);
        return absl::OkStatus();
      case Value::Kind::kMapping:
        return WriteMapping(value.mapping(), level);
      case Value::Kind::kSequence:
        if (value.is_list() || value.is_tuple()) return WriteList(value.items(), level);
        break;
      case Value::Kind::kNone:
      case Value::Kind::kBool:
      case Value::Kind::kInt:
      case Value::Kind::kFloat:
        text_ += Scalar(value);
        return absl::OkStatus();
      default:
        break;
    }
    return EvaluationError(
        absl::StrCat("Object of type ", value.type_name(), " is not JSON serializable"));
  }

  std::string Take() { return std::move(text_); }

 private:
  static std::string Scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (value.is_bool()) return value.bool_value() ? "true" : "false";
    if (value.is_int()) return absl::StrCat(value.int_value());
    if (std::isnan(value.float_value())) return "NaN";
    if (std::isinf(value.float_value())) return value.float_value() < 0 ? "-Infinity" : "Infinity";
    return FloatText(value.float_value());
  }

  void BreakLine(int level) {
    if (!style_.indent) return;
    text_ += '\n';
    for (int i = 0; i < level; ++i) text_ += *style_.indent;
  }

  absl::Status WriteList(const std::vector<Value>& items, int level) {
    if (items.empty()) {
      text_ += "[]";
      return absl::OkStatus();
    }
    text_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) text_ += style_.item_separator;
      BreakLine(level + 1);
      CR_RETURN_IF_ERROR(Write(items[i], level + 1));
    }
    BreakLine(level);
    text_ += ']';
    return absl::OkStatus();
  }

  absl::Status WriteMapping(const Mapping& mapping, int level) {
    if (mapping.entries.empty()) {
      text_ += "{}";
      return absl::OkStatus();
    }
    std::vector<const Mapping::Entry*> entries;
    for (const Mapping::Entry& entry : mapping.entries) entries.push_back(&entry);
    if (style_.sorts_keys) CR_RETURN_IF_ERROR(Sort(&entries));
    text_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) text_ += style_.item_separator;
      BreakLine(level + 1);
      const Value& key = entries[i]->first;
      if (!key.is_text() && !key.is_number() && !key.is_none()) {
        return EvaluationError(
            absl::StrCat("keys must be str, int, float, bool or None, not ", key.type_name()));
      }
      AppendJsonString(key.is_text() ? key.text() : Scalar(key), style_.is_ascii, &text_);
      text_ += style_.key_separator;
      CR_RETURN_IF_ERROR(Write(entries[i]->second, level + 1));
    }
    BreakLine(level);
    text_ += '}';
    return absl::OkStatus();
  }

  absl::Status Sort(std::vector<const Mapping::Entry*>* entries) {
    absl::Status status;
    std::stable_sort(entries->begin(), entries->end(), [&](const auto* a, const auto* b) {
      const absl::StatusOr<bool> is_less = IsLess(meter_, a->first, b->first);
      if (!is_less.ok()) status = is_less.status();
      return is_less.ok() && *is_less;
    });
    return status;
  }

  Meter* const meter_;
  const JsonStyle& style_;
  std::string text_;
  size_t counted_ = 0;
};

}  // namespace

absl::StatusOr<Value> ParseJson(std::string_view text) {
  ValueReader reader;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader)) {
    return absl::InvalidArgumentError(absl::StrCat("no valid JSON: ", reader.error()));
  }
  return reader.TakeResult();
}

absl::StatusOr<std::string> ToJson(Meter* meter, const Value& value, const JsonStyle& style) {
  JsonWriter writer(meter, style);
  CR_RETURN_IF_ERROR(writer.Write(value, 0));
  return writer.Take();
}

}  // namespace convrec::jinja
