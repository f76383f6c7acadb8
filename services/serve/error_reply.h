// Errors as HTTP replies.
#pragma once

#include "libs/http/http_server.h"
#include "services/serve/api_error.h"

namespace convrec::serve {

// Includes the headers that go with its status: Retry-After, WWW-Authenticate.
http::HttpReply ReplyOf(const ApiError& error);

}  // namespace convrec::serve
