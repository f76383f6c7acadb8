// Client channels with the project's settings.
#pragma once

#include <memory>
#include <string>

namespace grpc {
class Channel;
}

namespace convrec::rpc {

// A plaintext channel to "host:port" or "dns:///name:port" (calls are spread over all addresses of
// the name). Does not connect yet. Reconnects 0.1 s to 2 s after a failure, sends keep-alives while
// calls are open, and takes messages up to kMaxMessageBytes.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

// Whether "host:port" is on the loopback interface, which only this machine can reach.
bool IsLoopback(const std::string& address);

}  // namespace convrec::rpc
