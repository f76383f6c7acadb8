// report.html: one self-contained page about a run; no network, no script.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "libs/report/results.h"

namespace convrec::report {

struct PageInput {
  RunOutcome outcome;
  // Further facts in order, such as {"estimator", "rank ratio, ..."}; plain text, escaped by the
  // page.
  std::vector<std::pair<std::string, std::string>> facts;
};

// The whole page: results, curves, sample lists before and after with hits marked, notes. Parts
// without data are left out.
std::string RenderPage(const RunLog& log, const PageInput& input);

}  // namespace convrec::report
