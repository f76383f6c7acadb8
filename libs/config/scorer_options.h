// Converts the reward part of a run's configuration to options of the scorer.
#pragma once

#include "libs/config/run_options.h"
#include "libs/scoring/list_scorer.h"

namespace convrec::config {

// How lines become ranks and are read.
lists::RankCounting RankCountingOf(Compat compat);

// With `compat: reference` ranks and sums follow the reference.
scoring::ListScorer::Options ScorerOptionsOf(const RunOptions& options);

}  // namespace convrec::config
