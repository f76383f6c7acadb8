// The resolved configuration as text.
#pragma once

#include <string>
#include <vector>

#include "libs/config/run_options.h"

namespace convrec::config {

// Every key with its comment and value as YAML; LoadRunOptions gives the same options back.
std::string PrintYaml(const RunOptions& options);

// Every key with its value as one JSON object; also loadable.
std::string PrintJson(const RunOptions& options);

// The keys whose values differ, as "learner.steps: 5 -> 6", in the order of the schema.
std::vector<std::string> ChangedKeys(const RunOptions& before, const RunOptions& after);

// Which estimator is in force, in one line for the log of a start:
// "rank ratio, rank advantage, loss paper, clip [0.94, 1.08], KL 0.001, reward exp_inf, compat
// fixed".
std::string DescribeEstimator(const RunOptions& options);

}  // namespace convrec::config
