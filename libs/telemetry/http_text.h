// The little of HTTP/1.1 that /metrics needs, as pure functions. Internal to this folder.
#pragma once

#include <functional>
#include <string>

namespace convrec::telemetry {

// Whether `received` holds the whole head of a request.
bool HasWholeHead(const std::string& received);

// The answer to the request with this head: the text of `metrics` for GET and HEAD of /metrics, an
// error for everything else. Every answer closes the connection.
std::string AnswerRequest(const std::string& head, const std::function<std::string()>& metrics);

}  // namespace convrec::telemetry
