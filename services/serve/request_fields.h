// Reads the fields of a JSON object and keeps the first error.
//
// Every field that is read counts as known; Finish() refuses an object that has other fields. A
// null field counts as absent. Messages use the field names that clients use. Internal to this
// folder.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "services/serve/api_error.h"

namespace convrec::serve {

class RequestFields final {
 public:
  // `prefix` is put before names in messages, for example "stream_options.". The object must
  // outlive this one.
  explicit RequestFields(const nlohmann::json& object, std::string prefix = "");

  // The field, or nullptr if absent. Accepts any type.
  const nlohmann::json* Find(const std::string& name);

  // The field if it is present and valid; if it is present and invalid, the error is kept.
  std::optional<double> Number(const std::string& name, double least, double most);
  std::optional<int64_t> Integer(const std::string& name, int64_t least, int64_t most);
  std::optional<bool> Bool(const std::string& name);
  std::optional<std::string> String(const std::string& name);

  // Fields of which only the neutral value is supported, which `allowed` describes.
  void AllowOnly(const std::string& name,
                 const nlohmann::json& neutral,
                 const std::string& allowed);
  // Fields that do not change the answer.
  void Ignore(const std::string& name) { Find(name); }

  void Fail(const std::string& name, const std::string& message);

  // Keeps the error of a nested object.
  void Adopt(const std::optional<ApiError>& error);

  // The first error, which may be an unknown field.
  std::optional<ApiError> Finish();

 private:
  const nlohmann::json& object_;
  const std::string prefix_;
  std::set<std::string> known_;
  std::optional<ApiError> error_;
};

}  // namespace convrec::serve
