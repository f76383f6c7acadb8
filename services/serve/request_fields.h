// Reads the fields of a JSON object and keeps the first thing that is wrong with it.
//
// Every field that is read counts as known; Finish() refuses an object that has others. A field
// that is null counts as absent. Messages name the field as clients know it. Internal to this
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
  // `prefix` stands before names in messages, as in "stream_options.". The object must outlive the
  // value.
  explicit RequestFields(const nlohmann::json& object, std::string prefix = "");

  // The field, or nullptr when absent. Takes any type.
  const nlohmann::json* Find(const std::string& name);

  // The field when it is there and right; an error is kept when it is there and wrong.
  std::optional<double> Number(const std::string& name, double least, double most);
  std::optional<int64_t> Integer(const std::string& name, int64_t least, int64_t most);
  std::optional<bool> Bool(const std::string& name);
  std::optional<std::string> String(const std::string& name);

  // Fields that are not supported beyond the value that changes nothing, which `allowed` describes.
  void AllowOnly(const std::string& name,
                 const nlohmann::json& neutral,
                 const std::string& allowed);
  // Fields that do not change the answer.
  void Ignore(const std::string& name) { Find(name); }

  void Fail(const std::string& name, const std::string& message);

  // Keeps the error of an object within this one.
  void Adopt(const std::optional<ApiError>& error);

  // The first error, which may be that of a field that was not read.
  std::optional<ApiError> Finish();

 private:
  const nlohmann::json& object_;
  const std::string prefix_;
  std::set<std::string> known_;
  std::optional<ApiError> error_;
};

}  // namespace convrec::serve
