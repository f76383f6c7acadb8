// The defaults that learner.objective.method stands for. Internal to this folder.
#pragma once

#include "libs/config/run_options.h"
#include "proto/config.pb.h"

namespace convrec::config {

// Changes the keys in which `method` differs from configs/defaults.yaml.
void ApplyMethod(Method method, v1::ObjectiveConfig* objective);

}  // namespace convrec::config
