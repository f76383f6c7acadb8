#include "libs/rpc/bind_error.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "libs/base/listen_address.h"
#include "libs/base/status_macros.h"

namespace convrec::rpc {

absl::Status ExplainBindFailure(const std::string& address) {
  const std::string what = absl::StrCat("cannot listen on ", address);
  CR_ASSIGN_OR_RETURN(const int fd, base::ListenOn(address, what));
  close(fd);
  return absl::InternalError(absl::StrCat(what, ", although the port is free now"));
}

}  // namespace convrec::rpc
