#include "libs/tokenizer/json_fields.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::tokenizer {

using Json = nlohmann::json;

absl::StatusOr<Json> ParseJsonObject(const std::string& text, const std::string& file) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": is not valid JSON"));
  }
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": expected a JSON object, found ", std::string(json.type_name())));
  }
  return json;
}

std::optional<int32_t> AsId(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  const auto value = json.get<int64_t>();
  if (value < 0 || value > std::numeric_limits<int32_t>::max()) return std::nullopt;
  return static_cast<int32_t>(value);
}

const Json* JsonObject::Find(const std::string& key) const {
  const auto value = json_->find(key);
  return value == json_->end() || value->is_null() ? nullptr : &*value;
}

absl::Status JsonObject::Error(const std::string& key, const std::string& message) const {
  return absl::InvalidArgumentError(absl::StrCat(
      file_, ": field ", path_, path_.empty() || key.empty() ? "" : ".", key, " ", message));
}

absl::StatusOr<bool> JsonObject::Bool(const std::string& key, bool default_value) const {
  const Json* value = Find(key);
  if (value == nullptr) return default_value;
  if (!value->is_boolean()) return Error(key, "must be true or false");
  return value->get<bool>();
}

absl::StatusOr<std::string> JsonObject::String(const std::string& key) const {
  const Json* value = Find(key);
  if (value == nullptr) return Error(key, "is missing, expected a string");
  if (!value->is_string()) return Error(key, "must be a string");
  return value->get<std::string>();
}

absl::StatusOr<std::string> JsonObject::String(const std::string& key,
                                               const std::string& default_value) const {
  if (Find(key) == nullptr) return default_value;
  return String(key);
}

absl::StatusOr<int32_t> JsonObject::Id(const std::string& key) const {
  const Json* value = Find(key);
  if (value == nullptr) return Error(key, "is missing, expected a token id");
  const std::optional<int32_t> id = AsId(*value);
  if (!id) return Error(key, "must be a token id (a whole number from 0)");
  return *id;
}

absl::StatusOr<JsonObject> JsonObject::Object(const std::string& key) const {
  const Json* value = Find(key);
  if (value == nullptr) return Error(key, "is missing, expected an object");
  if (!value->is_object()) return Error(key, "must be an object");
  return JsonObject(value, file_, path_.empty() ? key : absl::StrCat(path_, ".", key));
}

absl::StatusOr<const Json*> JsonObject::Array(const std::string& key) const {
  const Json* value = Find(key);
  if (value == nullptr) return Error(key, "is missing, expected an array");
  if (!value->is_array()) return Error(key, "must be an array");
  return value;
}

absl::StatusOr<JsonObject> JsonObject::Element(const std::string& key, size_t index) const {
  CR_ASSIGN_OR_RETURN(const Json* array, Array(key));
  const std::string name = absl::StrCat(key, "[", index, "]");
  if (index >= array->size() || !(*array)[index].is_object()) {
    return Error(name, "must be an object");
  }
  return JsonObject(&(*array)[index], file_, path_.empty() ? name : absl::StrCat(path_, ".", name));
}

}  // namespace convrec::tokenizer
