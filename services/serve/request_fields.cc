#include "services/serve/request_fields.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace convrec::serve {

using nlohmann::json;

RequestFields::RequestFields(const json& object, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {}

const json* RequestFields::Find(const std::string& name) {
  known_.insert(name);
  const auto field = object_.find(name);
  return field == object_.end() || field->is_null() ? nullptr : &*field;
}

std::optional<double> RequestFields::Number(const std::string& name, double least, double most) {
  const json* field = Find(name);
  if (field == nullptr) return std::nullopt;
  if (field->is_number()) {
    const double value = field->get<double>();
    if (value >= least && value <= most) return value;
  }
  Fail(name, absl::StrCat("must be a number from ", least, " to ", most));
  return std::nullopt;
}

std::optional<int64_t> RequestFields::Integer(const std::string& name,
                                              int64_t least,
                                              int64_t most) {
  const json* field = Find(name);
  if (field == nullptr) return std::nullopt;
  const bool is_too_large =
      field->is_number_unsigned() && field->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  if (field->is_number_integer() && !is_too_large) {
    const int64_t value = field->get<int64_t>();
    if (value >= least && value <= most) return value;
  }
  Fail(name, absl::StrCat("must be an integer from ", least, " to ", most));
  return std::nullopt;
}

std::optional<bool> RequestFields::Bool(const std::string& name) {
  const json* field = Find(name);
  if (field == nullptr) return std::nullopt;
  if (field->is_boolean()) return field->get<bool>();
  Fail(name, "must be true or false");
  return std::nullopt;
}

std::optional<std::string> RequestFields::String(const std::string& name) {
  const json* field = Find(name);
  if (field == nullptr) return std::nullopt;
  if (field->is_string()) return field->get<std::string>();
  Fail(name, "must be a string");
  return std::nullopt;
}

void RequestFields::AllowOnly(const std::string& name,
                              const json& neutral,
                              const std::string& allowed) {
  const json* field = Find(name);
  if (field == nullptr || *field == neutral) return;
  Fail(name, absl::StrCat("is not supported by this server; leave it out or set it to ", allowed));
}

void RequestFields::Fail(const std::string& name, const std::string& message) {
  if (error_) return;
  const std::string field = prefix_ + name;
  error_ = InvalidRequest(absl::StrCat("\"", field, "\" ", message, "."), field);
}

void RequestFields::Adopt(const std::optional<ApiError>& error) {
  if (!error_) error_ = error;
}

std::optional<ApiError> RequestFields::Finish() {
  for (const auto& [name, value] : object_.items()) {
    if (!known_.contains(name)) Fail(name, "is not supported by this server");
  }
  return error_;
}

}  // namespace convrec::serve
