// Errors as HTTP replies.
#pragma once

#include "services/serve/api_error.h"
#include "libs/http/http_server.h"

namespace convrec::serve {

// With the headers that go with its status: Retry-After, WWW-Authenticate.
HttpReply ReplyOf(const ApiError& error);

}  // namespace convrec::serve
