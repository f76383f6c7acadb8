// The reward part of a run's configuration as options of the scorer.
#pragma once

#include "libs/config/run_options.h"
#include "libs/scoring/list_scorer.h"

namespace convrec::config {

// How lines become ranks and are read.
lists::RankCounting RankCountingOf(Compat compat);

// `compat: reference` counts ranks and sums as the reference does.
scoring::ListScorer::Options ScorerOptionsOf(const RunOptions& options);

}  // namespace convrec::config
