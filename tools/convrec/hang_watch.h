// Detects a child that is alive but no longer makes progress: stopped, or stuck.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "absl/time/time.h"

namespace convrec::cli {

// Not thread-safe; the caller passes the time.
class HangWatch final {
 public:
  struct Options {
    absl::Duration look_every = absl::Seconds(5);
    absl::Duration hung_after = absl::Minutes(2);  // Without a sign of life; zero = never.
  };
  // Whether the process with that name and number responds. May take a second.
  using IsAlive = std::function<bool(const std::string& name, pid_t pid)>;

  HangWatch(const Options& options, IsAlive is_alive)
      : options_(options), is_alive_(std::move(is_alive)) {}

  // Call often while the process runs; it is checked when a check is due. True once it has given no
  // sign of life for too long. A process with another number starts from zero.
  bool IsHung(const std::string& name, pid_t pid, absl::Time now);

 private:
  const Options options_;
  const IsAlive is_alive_;
  pid_t pid_ = -1;
  absl::Time next_look_ = absl::InfinitePast();
  absl::Time last_sign_ = absl::InfinitePast();
};

// Checks by grpc.health.v1 at the port that the process has written to `ports_dir`. A process that
// has not written it yet gives no sign of life.
HangWatch::IsAlive LivenessIn(const std::string& ports_dir);

}  // namespace convrec::cli
