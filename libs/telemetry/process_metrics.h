// The process_* metrics common to Prometheus clients. Internal to this folder.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "libs/telemetry/metrics.h"

namespace convrec::telemetry {

// Read from /proc/self now; a value that cannot be read is left out.
std::vector<prometheus::MetricFamily> CollectProcessMetrics(const Labels& labels);

}  // namespace convrec::telemetry
