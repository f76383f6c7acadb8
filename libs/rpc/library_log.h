// Keeps gRPC's own log off standard error. Internal to this folder.
#pragma once

namespace convrec::rpc {

// gRPC prints every failed connection and bind, and Protobuf every field a client filled with
// invalid UTF-8; the errors of the calls say the same. If GRPC_VERBOSITY is set in the environment,
// gRPC's log stays on. Thread-safe; may be called again.
void QuietLibraryLog();

}  // namespace convrec::rpc
