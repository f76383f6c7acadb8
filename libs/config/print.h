// The resolved configuration as text.
#pragma once

#include <string>
#include <vector>

#include "libs/config/run_options.h"

namespace convrec::config {

// Every key with its comment and value as YAML; LoadRunOptions() reads back the same options.
std::string PrintYaml(RunOptions options);

// Every key with its value as one JSON object, which can be loaded too.
std::string PrintJson(RunOptions options);

// The keys whose values differ, as "learner.steps: 5 -> 6", in the order of the schema.
enum class Places { kCompared, kIgnored };  // Keys that say where processes run and listen.
std::vector<std::string> ChangedKeys(RunOptions before,
                                     RunOptions after,
                                     Places places = Places::kCompared);

// The value of one row as YAML, on one line.
std::string ValueYaml(const Row& row);

// The estimator in use, as one line for the log at a start:
// "rank ratio, rank advantage, loss paper, clip [0.94, 1.08], KL 0.001, reward exp_inf, compat
// fixed".
std::string DescribeEstimator(const RunOptions& options);

}  // namespace convrec::config
