#include "tools/convrec/hang_watch.h"

#include "absl/strings/str_cat.h"
#include "libs/rpc/health_client.h"
#include "libs/telemetry/ports_file.h"

namespace convrec::cli {
namespace {

constexpr absl::Duration kAnswerWithin = absl::Seconds(1);

}  // namespace

bool HangWatch::IsHung(const std::string& name, pid_t pid, absl::Time now) {
  if (pid != pid_) {
    pid_ = pid;
    last_sign_ = now;
    next_look_ = now + options_.look_every;
  }
  if (options_.hung_after <= absl::ZeroDuration() || now < next_look_) return false;
  next_look_ = now + options_.look_every;
  if (is_alive_(name, pid)) last_sign_ = now;
  return now - last_sign_ >= options_.hung_after;
}

HangWatch::IsAlive LivenessIn(const std::string& ports_dir) {
  return [ports_dir](const std::string& name, pid_t pid) {
    const absl::StatusOr<telemetry::Ports> ports = telemetry::ReadPortsFile(ports_dir, name);
    if (!ports.ok() || ports->pid != pid) return false;
    const absl::StatusOr<rpc::Health> health =
        rpc::CheckHealth(absl::StrCat("127.0.0.1:", ports->health), "liveness", kAnswerWithin);
    return health.ok() && *health == rpc::Health::kServing;
  };
}

}  // namespace convrec::cli
