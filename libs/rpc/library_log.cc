#include "libs/rpc/library_log.h"

#include <grpc/support/log.h>

#include <cstdlib>

namespace convrec::rpc {

void QuietLibraryLog() {
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
}

}  // namespace convrec::rpc
