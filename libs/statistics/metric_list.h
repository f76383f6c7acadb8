// All metrics of all processes as one list, from the tables, for dashboards, alerts and readers.
#pragma once

#include <string>
#include <vector>

#include "libs/statistics/statistic.h"

namespace convrec::statistics {

struct Label {
  std::string name;
  std::vector<std::string> values;  // Empty: any.
};
std::vector<Label> LabelsOf(const Metric& metric);

// Every metric once: first those of processes in the order of their table, then those of
// statistics.
std::vector<Metric> AllMetrics();

// The list as in deploy/checks/metrics.txt, one metric per line.
std::string FormatMetrics();

// The statistics of the run log as a table for people: name, kind, unit and help.
std::string FormatStatistics();

}  // namespace convrec::statistics
