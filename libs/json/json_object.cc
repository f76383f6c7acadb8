#include "libs/json/json_object.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status_macros.h"

namespace convrec::json {
namespace {

using Json = nlohmann::json;

// The value as JSON, cut to what fits in a message; text that is not UTF-8 is replaced.
std::string Shown(const Json& value) {
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
  constexpr size_t kMaxLength = 60;
  if (text.size() > kMaxLength) text = absl::StrCat(text.substr(0, kMaxLength), "...");
  return text;
}

}  // namespace

absl::StatusOr<Json> ParseObject(std::string_view text, const std::string& where) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded())
    return absl::InvalidArgumentError(absl::StrCat(where, ": is not valid JSON in UTF-8"));
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": is ", Shown(json), "; expected a JSON object"));
  }
  return json;
}

bool ReadInteger(const Json& value, int64_t low, int64_t high, int64_t* integer) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX}) return false;
  const auto read = value.get<int64_t>();
  if (read < low || read > high) return false;
  *integer = read;
  return true;
}

std::string JsonObject::PathOf(const std::string& field) const {
  if (path_.empty() || field.empty()) return path_ + field;
  return absl::StrCat(path_, ".", field);
}

absl::Status JsonObject::Error(const std::string& field, const std::string& problem) const {
  return absl::InvalidArgumentError(
      absl::StrCat(where_, ": field \"", PathOf(field), "\" ", problem));
}

absl::Status JsonObject::Expected(const std::string& field, const std::string& expected) const {
  const Json* const value = Find(field);
  return Error(field,
               absl::StrCat(value == nullptr ? "is missing" : absl::StrCat("is ", Shown(*value)),
                            "; expected ",
                            expected));
}

const Json* JsonObject::Find(const std::string& field) const {
  const auto value = object_->find(field);
  return value == object_->end() || value->is_null() ? nullptr : &*value;
}

absl::StatusOr<std::string> JsonObject::String(const std::string& field,
                                               std::optional<std::string> otherwise) const {
  const Json* const value = Find(field);
  if (value == nullptr && otherwise) return *std::move(otherwise);
  if (value == nullptr || !value->is_string()) return Expected(field, "text");
  return value->get<std::string>();
}

absl::StatusOr<bool> JsonObject::Bool(const std::string& field,
                                      std::optional<bool> otherwise) const {
  const Json* const value = Find(field);
  if (value == nullptr && otherwise) return *otherwise;
  if (value == nullptr || !value->is_boolean()) return Expected(field, "true or false");
  return value->get<bool>();
}

absl::StatusOr<double> JsonObject::Number(const std::string& field,
                                          std::optional<double> otherwise) const {
  const Json* const value = Find(field);
  if (value == nullptr && otherwise) return *otherwise;
  if (value == nullptr || !value->is_number()) return Expected(field, "a number");
  return value->get<double>();
}

absl::StatusOr<int64_t> JsonObject::Integer(const std::string& field,
                                            int64_t low,
                                            int64_t high,
                                            std::optional<int64_t> otherwise) const {
  const Json* const value = Find(field);
  if (value == nullptr && otherwise) return *otherwise;
  int64_t integer = 0;
  if (value == nullptr || !ReadInteger(*value, low, high, &integer))
    return Expected(field,
                    high == INT64_MAX ? absl::StrCat("a whole number from ", low)
                                      : absl::StrCat("a whole number from ", low, " to ", high));
  return integer;
}

absl::StatusOr<std::string> JsonObject::OneOf(const std::string& field,
                                              const std::vector<std::string>& choices,
                                              std::optional<std::string> otherwise) const {
  const Json* const value = Find(field);
  if (value == nullptr && otherwise) return *std::move(otherwise);
  if (value == nullptr || std::find(choices.begin(), choices.end(), *value) == choices.end())
    return Expected(field, absl::StrCat("one of ", absl::StrJoin(choices, ", ")));
  return value->get<std::string>();
}

absl::StatusOr<const Json*> JsonObject::Array(const std::string& field) const {
  const Json* const value = Find(field);
  if (value == nullptr || !value->is_array()) return Expected(field, "a list");
  return value;
}

absl::StatusOr<std::vector<std::string>> JsonObject::Strings(const std::string& field) const {
  const std::string expected = "a list of texts";
  const Json* const value = Find(field);
  if (value == nullptr || !value->is_array()) return Expected(field, expected);
  std::vector<std::string> texts;
  for (const Json& element : *value) {
    if (!element.is_string())
      return Error(field, absl::StrCat("holds ", Shown(element), "; expected ", expected));
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

absl::StatusOr<JsonObject> JsonObject::Object(const std::string& field) const {
  const Json* const value = Find(field);
  if (value == nullptr || !value->is_object()) return Expected(field, "an object");
  return JsonObject(value, where_, PathOf(field));
}

absl::StatusOr<std::vector<JsonObject>> JsonObject::Objects(const std::string& field) const {
  const std::string expected = "a list of objects";
  const Json* const value = Find(field);
  if (value == nullptr || !value->is_array()) return Expected(field, expected);
  std::vector<JsonObject> objects;
  for (size_t i = 0; i < value->size(); ++i) {
    const Json& element = (*value)[i];
    if (!element.is_object())
      return Error(field, absl::StrCat("holds ", Shown(element), "; expected ", expected));
    objects.emplace_back(&element, where_, absl::StrCat(PathOf(field), "[", i, "]"));
  }
  return objects;
}

}  // namespace convrec::json
