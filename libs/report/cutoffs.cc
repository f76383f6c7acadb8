#include "libs/report/cutoffs.h"

#include "absl/strings/str_cat.h"
#include "libs/domain/list_score.h"

namespace convrec::report {

std::vector<int> CutoffsOf(const Evaluation& evaluation) {
  const size_t num_ranks = evaluation.list("hits_by_rank").size();
  // Without hits by rank N is not known.
  return domain::ShownCutoffs(num_ranks == 0 ? domain::kCutoffs.back()
                                             : static_cast<int>(num_ranks));
}

std::string AtLast(const std::string& name, const Evaluation& evaluation) {
  return absl::StrCat(name, "@", CutoffsOf(evaluation).back());
}

}  // namespace convrec::report
