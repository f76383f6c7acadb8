#include "services/serve/error_reply.h"

namespace convrec::serve {

http::HttpReply ReplyOf(const ApiError& error) {
  http::HttpReply reply{.status = error.http_status, .body = error.ToJson()};
  // Answers take seconds, so a place is free soon; clients add their own back-off.
  if (error.http_status == 429 || error.http_status == 503) reply.headers = {{"Retry-After", "1"}};
  if (error.http_status == 401) reply.headers = {{"WWW-Authenticate", "Bearer"}};
  return reply;
}

}  // namespace convrec::serve
