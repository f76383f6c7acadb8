// Errors as HTTP replies.
#pragma once

#include "services/rollout/serve/api_error.h"
#include "services/rollout/serve/http_server.h"

namespace convrec::serve {

// With the headers that go with its status: Retry-After, WWW-Authenticate.
HttpReply ReplyOf(const ApiError& error);

}  // namespace convrec::serve
