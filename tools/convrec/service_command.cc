#include "tools/convrec/service_command.h"

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"

namespace convrec::cli {

std::string TextOverride(const std::string& key, const std::string& value) {
  std::string quoted;
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '$') quoted += '$';
    quoted += c;
  }
  const bool is_plain =
      value.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:") ==
      std::string::npos;
  return is_plain ? absl::StrCat(key, "=", value) : absl::StrCat(key, "=\"", quoted, "\"");
}

std::vector<std::string> ServiceCommand(const ServicePlace& place,
                                        const std::string& role,
                                        const std::string& name,
                                        const std::vector<std::string>& flags,
                                        const std::vector<std::string>& overrides) {
  std::vector<std::string> command = {
      base::JoinPath(place.binaries_dir, absl::StrCat("convrec-", role)),
      "--config",
      place.config_path,
      "--name",
      name};
  command.insert(command.end(), flags.begin(), flags.end());
  command.push_back("telemetry.metrics_listen=127.0.0.1:0");
  command.push_back(TextOverride("telemetry.ports_dir", base::JoinPath(place.run_dir, "ports")));
  command.insert(command.end(), overrides.begin(), overrides.end());
  return command;
}

std::vector<std::string> WorkerOverrides(int learner_port, int reward_port) {
  return {absl::StrCat("rollout.learner_address=127.0.0.1:", learner_port),
          absl::StrCat("rollout.reward_address=127.0.0.1:", reward_port),
          "rollout.health_listen=127.0.0.1:0"};
}

}  // namespace convrec::cli
