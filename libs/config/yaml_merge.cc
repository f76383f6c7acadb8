#include "libs/config/yaml_merge.h"

#include <yaml-cpp/yaml.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/config/value_expansion.h"
#include "libs/text/words.h"

namespace convrec::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string Join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : absl::StrCat(prefix, ".", name);
}

// All keys of the schema that end in ".name", as in "learner.steps" for "steps".
void FindElsewhere(const Descriptor* descriptor,
                   const std::string& prefix,
                   const std::string& name,
                   std::vector<std::string>* found) {
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const std::string key = Join(prefix, field->name());
    if (field->name() == name) found->push_back(key);
    if (field->message_type() != nullptr) FindElsewhere(field->message_type(), key, name, found);
  }
}

std::string UnknownKey(const Descriptor* descriptor,
                       const std::string& prefix,
                       const std::string& name) {
  std::vector<std::string> siblings;
  for (int i = 0; i < descriptor->field_count(); ++i)
    siblings.push_back(descriptor->field(i)->name());
  const std::string nearest = text::NearestWord(name, siblings);
  std::string suggestion = nearest.empty() ? "" : Join(prefix, nearest);
  if (suggestion.empty()) {
    std::vector<std::string> elsewhere;
    FindElsewhere(v1::RunConfig::descriptor(), "", name, &elsewhere);
    if (!elsewhere.empty()) suggestion = elsewhere.front();
  }
  return absl::StrCat(
      "unknown key \"",
      name,
      "\"",
      prefix.empty() ? "" : absl::StrCat(" in ", prefix),
      suggestion.empty() ? "" : absl::StrCat("; did you mean \"", suggestion, "\"?"));
}

std::string ExpectedType(const FieldDescriptor* field) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return "an integer";
    case FieldDescriptor::CPPTYPE_UINT64:
      return "an integer >= 0";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "a number";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return "a text";
    default:
      return "keys and values";
  }
}

// One document or override on its way into the message.
class Merger final {
 public:
  Merger(std::string place, bool has_lines, std::string directory, Origins* origins)
      : place_(std::move(place)),
        has_lines_(has_lines),
        directory_(std::move(directory)),
        origins_(origins) {}

  absl::Status MergeMap(const YAML::Node& node, const std::string& prefix, Message* message) {
    std::set<std::string> names;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return Error(entry.first, "a key must be a word");
      const std::string& name = entry.first.Scalar();
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
      if (field == nullptr)
        return Error(entry.first, UnknownKey(message->GetDescriptor(), prefix, name));
      if (!names.insert(name).second)
        return Error(entry.first, absl::StrCat("key \"", Join(prefix, name), "\" is set twice"));
      CR_RETURN_IF_ERROR(MergeField(entry.second, entry.first, Join(prefix, name), field, message));
    }
    return absl::OkStatus();
  }

  // `name` is the node whose line is reported.
  absl::Status MergeField(const YAML::Node& node,
                          const YAML::Node& name,
                          const std::string& key,
                          const FieldDescriptor* field,
                          Message* message) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!node.IsMap()) return WrongType(name, key, field, Shown(node));
      return MergeMap(node, key, message->GetReflection()->MutableMessage(message, field));
    }
    if (!node.IsScalar()) return WrongType(name, key, field, Shown(node));
    const bool quoted = node.Tag() == "!";
    if (quoted && field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
      return WrongType(name, key, field, absl::StrCat("the text \"", node.Scalar(), "\""));
    }
    return SetScalar(node.Scalar(), name, key, field, message);
  }

  absl::Status SetScalar(const std::string& text,
                         const YAML::Node& name,
                         const std::string& key,
                         const FieldDescriptor* field,
                         Message* message) {
    const google::protobuf::Reflection* reflection = message->GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: {
        int32_t value;
        if (!absl::SimpleAtoi(text, &value)) return WrongType(name, key, field, text);
        reflection->SetInt32(message, field, value);
        break;
      }
      case FieldDescriptor::CPPTYPE_UINT64: {
        uint64_t value;
        if (!absl::SimpleAtoi(text, &value)) return WrongType(name, key, field, text);
        reflection->SetUInt64(message, field, value);
        break;
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        double value;
        if (!absl::SimpleAtod(text, &value) || !std::isfinite(value))
          return WrongType(name, key, field, text);
        reflection->SetDouble(message, field, value);
        break;
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        if (text != "true" && text != "false") return WrongType(name, key, field, text);
        reflection->SetBool(message, field, text == "true");
        break;
      default: {
        const absl::StatusOr<std::string> value = ExpandValue(key, text, directory_);
        if (!value.ok())
          return Error(name, absl::StrCat(key, ": ", std::string(value.status().message())));
        reflection->SetString(message, field, *value);
        break;
      }
    }
    (*origins_)[key] = PlaceOf(name);
    return absl::OkStatus();
  }

  absl::Status Error(const YAML::Node& node, const std::string& message) const {
    return base::BadConfig(absl::StrCat(PlaceOf(node), ": ", message));
  }

 private:
  std::string PlaceOf(const YAML::Node& node) const {
    return has_lines_ ? absl::StrCat(place_, ":", node.Mark().line + 1) : place_;
  }

  static std::string Shown(const YAML::Node& node) {
    if (node.IsNull()) return "without a value";
    if (node.IsMap()) return "a group of keys";
    return node.IsSequence() ? "a list" : absl::StrCat("\"", node.Scalar(), "\"");
  }

  absl::Status WrongType(const YAML::Node& name,
                         const std::string& key,
                         const FieldDescriptor* field,
                         const std::string& shown) const {
    return Error(name, absl::StrCat(key, " is ", shown, ": expected ", ExpectedType(field)));
  }

  const std::string place_;
  const bool has_lines_;
  const std::string directory_;
  Origins* const origins_;
};

}  // namespace

absl::Status MergeYaml(const std::string& text,
                       const std::string& file,
                       const std::string& directory,
                       v1::RunConfig* config,
                       Origins* origins) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1)
      return base::BadConfig(
          absl::StrCat(file, ": holds ", documents.size(), " YAML documents: expected one"));
    if (documents.empty() || documents[0].IsNull()) return absl::OkStatus();
    Merger merger(file, /*has_lines=*/true, directory, origins);
    if (!documents[0].IsMap())
      return merger.Error(documents[0], "expected keys and values, as in \"seed: 1\"");
    return merger.MergeMap(documents[0], "", config);
  } catch (const YAML::Exception& error) {
    return base::BadConfig(
        absl::StrCat(file, ":", error.mark.line + 1, ": not valid YAML: ", error.msg));
  }
}

absl::Status MergeOverride(const std::string& assignment, v1::RunConfig* config, Origins* origins) {
  const std::string place = absl::StrCat("override \"", assignment, "\"");
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    return base::BadConfig(absl::StrCat(place, ": expected KEY=VALUE, as in learner.steps=5"));
  }
  const std::string key = assignment.substr(0, equals);
  const std::string text = assignment.substr(equals + 1);

  Message* message = config;
  const FieldDescriptor* field = nullptr;
  std::string prefix;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(key, '.'))) {
    if (field != nullptr) {
      if (field->message_type() == nullptr)
        return base::BadConfig(absl::StrCat(place, ": ", prefix, " has no keys below it"));
      message = message->GetReflection()->MutableMessage(message, field);
    }
    field = message->GetDescriptor()->FindFieldByName(name);
    if (field == nullptr)
      return base::BadConfig(
          absl::StrCat(place, ": ", UnknownKey(message->GetDescriptor(), prefix, name)));
    prefix = Join(prefix, name);
  }

  Merger merger(place, /*has_lines=*/false, /*directory=*/"", origins);
  const bool is_text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  const bool in_quotes = !text.empty() && (text[0] == '"' || text[0] == '\'');
  if (is_text && !in_quotes) return merger.SetScalar(text, YAML::Node(), key, field, message);
  try {
    return merger.MergeField(YAML::Load(text), YAML::Node(), key, field, message);
  } catch (const YAML::Exception& error) {
    return base::BadConfig(absl::StrCat(place, ": not valid YAML: ", error.msg));
  }
}

}  // namespace convrec::config
