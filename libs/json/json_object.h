// Fields of JSON documents from outside. An error is one sentence that says where the field stands,
// what is there, and what was expected.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::json {

// The document, whose outermost value must be an object. `where` names it in messages: a file, or
// "file:line".
absl::StatusOr<nlohmann::json> ParseObject(std::string_view text, const std::string& where);

// An object of a document. A view: the document must outlive it. A field that is null counts as
// missing. All errors are InvalidArgument.
class JsonObject final {
 public:
  // `path` is "" or the field that this object stands in, as in "model.vocab" or "messages[2]".
  JsonObject(const nlohmann::json* object, std::string where, std::string path = "")
      : object_(object), where_(std::move(where)), path_(std::move(path)) {}

  const nlohmann::json& json() const { return *object_; }
  const std::string& where() const { return where_; }
  // nullptr when missing.
  const nlohmann::json* Find(const std::string& field) const;
  bool Has(const std::string& field) const { return Find(field) != nullptr; }

  // The value, or an error when it is of another kind, or missing without a value to take then.
  absl::StatusOr<std::string> String(const std::string& field,
                                     std::optional<std::string> otherwise = {}) const;
  absl::StatusOr<bool> Bool(const std::string& field, std::optional<bool> otherwise = {}) const;
  absl::StatusOr<double> Number(const std::string& field,
                                std::optional<double> otherwise = {}) const;
  // Within [low, high].
  absl::StatusOr<int64_t> Integer(const std::string& field,
                                  int64_t low,
                                  int64_t high,
                                  std::optional<int64_t> otherwise = {}) const;
  absl::StatusOr<std::string> OneOf(const std::string& field,
                                    const std::vector<std::string>& choices,
                                    std::optional<std::string> otherwise = {}) const;
  absl::StatusOr<std::vector<std::string>> Strings(const std::string& field) const;
  absl::StatusOr<const nlohmann::json*> Array(const std::string& field) const;
  absl::StatusOr<JsonObject> Object(const std::string& field) const;
  // The objects of an array.
  absl::StatusOr<std::vector<JsonObject>> Objects(const std::string& field) const;

  // "WHERE: field "PATH.FIELD" PROBLEM".
  absl::Status Error(const std::string& field, const std::string& problem) const;
  // The same, saying that the field is missing or what it is, cut to a length that can be read.
  absl::Status Expected(const std::string& field, const std::string& expected) const;

 private:
  std::string PathOf(const std::string& field) const;

  const nlohmann::json* object_;
  std::string where_;
  std::string path_;
};

// Whether `value` is a whole number within [low, high], which it then is.
bool ReadInteger(const nlohmann::json& value, int64_t low, int64_t high, int64_t* integer);

}  // namespace convrec::json
