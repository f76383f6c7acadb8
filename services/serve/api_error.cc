#include "services/serve/api_error.h"

#include <cctype>
#include <nlohmann/json.hpp>

namespace convrec::serve {
namespace {

// Messages of absl::Status are clauses.
std::string AsSentence(std::string text) {
  if (text.empty()) return text;
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  if (text.back() != '.') text.push_back('.');
  return text;
}

}  // namespace

std::string ApiError::ToJson() const {
  using Json = nlohmann::ordered_json;
  const auto or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  const Json json = {
      {"error",
       {{"message", message}, {"type", type}, {"param", or_null(param)}, {"code", or_null(code)}}}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ApiError InvalidRequest(const std::string& message, const std::string& param) {
  return {.http_status = 400,
          .message = message,
          .type = "invalid_request_error",
          .param = param,
          .code = ""};
}

ApiError ErrorOfHttpStatus(int http_status, const std::string& message) {
  ApiError error = InvalidRequest(AsSentence(message));
  error.http_status = http_status;
  if (http_status == 429) {
    error.type = "rate_limit_error";
    error.code = "overloaded";
  } else if (http_status == 503) {
    error.type = "service_unavailable_error";
  } else if (http_status >= 500) {
    error.type = "server_error";
  }
  return error;
}

ApiError ErrorOfStatus(const absl::Status& status) {
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return ErrorOfHttpStatus(400, message);
    case absl::StatusCode::kResourceExhausted:
      return ErrorOfHttpStatus(429, message);
    case absl::StatusCode::kUnavailable:
      return ErrorOfHttpStatus(503, message);
    default:
      return ErrorOfHttpStatus(500, message);
  }
}

}  // namespace convrec::serve
