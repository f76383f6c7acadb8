// The command lines by which the services of a run are started on one machine.
#pragma once

#include <string>
#include <vector>

namespace convrec::cli {

struct ServicePlace {
  std::string binaries_dir;  // Holds convrec-reward, convrec-learner, convrec-rollout.
  std::string config_path;   // What the service loads.
  std::string run_dir;       // Holds ports/, where services tell their ports.
};

// Of the service `role` ("learner") under `name`: the binary, `flags`, then key=value, the
// `overrides` last.
std::vector<std::string> ServiceCommand(const ServicePlace& place,
                                        const std::string& role,
                                        const std::string& name,
                                        const std::vector<std::string>& flags,
                                        const std::vector<std::string>& overrides);

// "key=value" with the value as a YAML text, whatever is in it.
std::string TextOverride(const std::string& key, const std::string& value);

// Where a rollout worker on this machine finds the others.
std::vector<std::string> WorkerOverrides(int learner_port, int reward_port);

}  // namespace convrec::cli
