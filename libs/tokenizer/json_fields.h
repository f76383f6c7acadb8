// Reads fields of JSON files from outside; an error is one sentence that names file and field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::tokenizer {

// A JSON object and where it stands, for messages: "dir/tokenizer.json: model".
class JsonObject final {
 public:
  // `json` must outlive the object and be one.
  JsonObject(const nlohmann::json* json, std::string file, std::string path)
      : json_(json), file_(std::move(file)), path_(std::move(path)) {}

  const nlohmann::json& json() const { return *json_; }
  // The value of `key`; nullptr when it is absent or null.
  const nlohmann::json* Find(const std::string& key) const;

  // Each is an error if the field has another type, the ones without a default also if it is
  // absent.
  absl::StatusOr<bool> Bool(const std::string& key, bool default_value) const;
  absl::StatusOr<std::string> String(const std::string& key) const;
  absl::StatusOr<std::string> String(const std::string& key,
                                     const std::string& default_value) const;
  absl::StatusOr<int32_t> Id(const std::string& key) const;
  absl::StatusOr<JsonObject> Object(const std::string& key) const;
  absl::StatusOr<const nlohmann::json*> Array(const std::string& key) const;
  // Element `index` of the array `key`, an object.
  absl::StatusOr<JsonObject> Element(const std::string& key, size_t index) const;

  // "FILE: field PATH.KEY MESSAGE".
  absl::Status Error(const std::string& key, const std::string& message) const;

 private:
  const nlohmann::json* json_;
  std::string file_;
  std::string path_;  // "" = the file's outermost object.
};

// Parses `text`, whose outermost value must be an object.
absl::StatusOr<nlohmann::json> ParseJsonObject(const std::string& text, const std::string& file);

// A token id (0 .. 2^31 - 1), or nullopt.
std::optional<int32_t> AsId(const nlohmann::json& json);

}  // namespace convrec::tokenizer
