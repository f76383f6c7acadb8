#include "libs/config/print.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"
#include "libs/config/embedded_defaults.h"
#include "libs/config/option_names.h"
#include "libs/config/option_proto.h"
#include "libs/config/value_expansion.h"
#include "libs/config/yaml_comments.h"

namespace convrec::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using nlohmann::ordered_json;

// The shortest text that reads back as `value`, always with a point, so that every YAML reader
// takes it for a number: 1.0e-06.
std::string DoubleText(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  CR_CHECK(end.ec == std::errc());
  std::string text(buffer.data(), end.ptr);
  if (text.find('.') != std::string::npos) return text;
  const size_t exponent = text.find('e');
  return text.insert(exponent == std::string::npos ? text.size() : exponent, ".0");
}

// JSON's quoting is a part of YAML's. Invalid UTF-8 is replaced rather than printed.
std::string QuotedText(const std::string& text) {
  return ordered_json(text).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// Texts of several plain lines read better as a block.
bool FitsBlock(const std::string& text) {
  if (text.find('\n') == std::string::npos || text.front() == ' ' || text.front() == '\n' ||
      text.back() == '\n')
    return false;
  for (const char c : text) {
    if (c != '\n' && static_cast<unsigned char>(c) < 0x20) return false;
  }
  return true;
}

std::string StringText(const std::string& text, const std::string& indent) {
  if (!FitsBlock(text)) return QuotedText(text);
  std::string block = "|-";
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    absl::StrAppend(&block, "\n", line.empty() ? "" : absl::StrCat(indent, "  "), line);
  }
  return block;
}

std::string ValueText(const Message& message,
                      const FieldDescriptor* field,
                      const std::string& key,
                      const std::string& indent) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(reflection->GetUInt64(message, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return DoubleText(reflection->GetDouble(message, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field) ? "true" : "false";
    default:
      return StringText(EscapeValue(key, reflection->GetString(message, field)), indent);
  }
}

ordered_json ValueJson(const Message& message,
                       const FieldDescriptor* field,
                       const std::string& key) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection->GetInt32(message, field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection->GetUInt64(message, field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->GetDouble(message, field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field);
    default:
      return EscapeValue(key, reflection->GetString(message, field));
  }
}

std::string Join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : absl::StrCat(prefix, ".", name);
}

using Comments = std::map<std::string, std::vector<std::string>>;

void AppendYaml(const Message& message,
                const std::string& prefix,
                const std::string& indent,
                const Comments& comments,
                std::string* out) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const std::string key = Join(prefix, field->name());
    const bool is_group = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (is_group && indent.empty()) absl::StrAppend(out, "\n");
    if (const auto found = comments.find(key); found != comments.end()) {
      for (const std::string& line : found->second) absl::StrAppend(out, indent, "# ", line, "\n");
    }
    if (is_group) {
      absl::StrAppend(out, indent, field->name(), ":\n");
      AppendYaml(message.GetReflection()->GetMessage(message, field),
                 key,
                 absl::StrCat(indent, "  "),
                 comments,
                 out);
    } else {
      absl::StrAppend(
          out, indent, field->name(), ": ", ValueText(message, field, key, indent), "\n");
    }
  }
}

ordered_json ToJson(const Message& message, const std::string& prefix) {
  ordered_json object = ordered_json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const std::string key = Join(prefix, field->name());
    object[field->name()] = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE
                                ? ToJson(message.GetReflection()->GetMessage(message, field), key)
                                : ValueJson(message, field, key);
  }
  return object;
}

void AppendChanges(const ordered_json& before,
                   const ordered_json& after,
                   const std::string& prefix,
                   std::vector<std::string>* changes) {
  for (const auto& [name, value] : before.items()) {
    const ordered_json& other = after[name];
    const std::string key = Join(prefix, name);
    if (value.is_object()) {
      AppendChanges(value, other, key, changes);
    } else if (value != other) {
      changes->push_back(absl::StrCat(key, ": ", value.dump(), " -> ", other.dump()));
    }
  }
}

}  // namespace

std::string PrintYaml(const RunOptions& options) {
  std::string out;
  AppendYaml(ToProto(options), "", "", ReadComments(kDefaultsYaml), &out);
  return out;
}

std::string PrintJson(const RunOptions& options) {
  return absl::StrCat(
      ToJson(ToProto(options), "").dump(2, ' ', false, ordered_json::error_handler_t::replace),
      "\n");
}

std::vector<std::string> ChangedKeys(const RunOptions& before, const RunOptions& after) {
  std::vector<std::string> changes;
  AppendChanges(ToJson(ToProto(before), ""), ToJson(ToProto(after), ""), "", &changes);
  return changes;
}

std::string DescribeEstimator(const RunOptions& options) {
  const ObjectiveOptions& objective = options.learner.objective;
  std::string text = absl::StrCat(NameOf(objective.method),
                                  ": ",
                                  NameOf(objective.ratio_unit),
                                  " ratio, ",
                                  NameOf(objective.advantage_unit),
                                  " advantage, loss ",
                                  NameOf(objective.loss_type),
                                  ", clip [",
                                  1 - objective.clip_low,
                                  ", ",
                                  1 + objective.clip_high,
                                  "], KL ",
                                  objective.kl_beta);
  if (objective.entropy_weight > 0) absl::StrAppend(&text, ", entropy ", objective.entropy_weight);
  if (objective.correction != Correction::kOff) {
    absl::StrAppend(&text,
                    ", ",
                    NameOf(objective.correction_unit),
                    " weights with ",
                    NameOf(objective.correction));
  }
  if (objective.dynamic_sampling) absl::StrAppend(&text, ", dynamic sampling");
  absl::StrAppend(
      &text, ", reward ", NameOf(options.reward.rule), ", compat ", NameOf(options.compat));
  return text;
}

}  // namespace convrec::config
