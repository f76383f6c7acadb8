// An error as an OpenAI client receives it: HTTP status and the fields of its JSON.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace convrec::serve {

struct ApiError {
  int http_status = 500;
  std::string message;  // A sentence.
  std::string type;     // "invalid_request_error", ...
  std::string param;    // The invalid field; "" = none.
  std::string code;     // "model_not_found", ...; "" = none.

  // The body of the response: {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}.
  std::string ToJson() const;
};

// 400: the request is invalid.
ApiError InvalidRequest(const std::string& message, const std::string& param = "");
// The error type for an HTTP status of the server itself.
ApiError ErrorOfHttpStatus(int http_status, const std::string& message);
// InvalidArgument 400, ResourceExhausted 429, Unavailable 503, everything else 500.
ApiError ErrorOfStatus(const absl::Status& status);

}  // namespace convrec::serve
