// Whether the parts of a run go together: truths with the catalog, the catalog with the way lines
// are read, titles with the tokenizer. `convrec doctor`, `convrec train` and its dry run, and the
// learner all ask here.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/catalog/catalog.h"
#include "libs/config/run_options.h"
#include "libs/data/dialogue_reader.h"
#include "libs/joins/truth_join.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::joins {

enum class Verdict { kFine, kWarning, kFault };

// One sentence about two parts of a run.
struct Finding {
  Verdict verdict = Verdict::kFine;
  std::string part;     // "truths of data.train".
  std::string text;     // "0 of 24 truths can be hit, ...".
  std::string remedy;   // What to do about it; empty when it is fine.
  absl::Status status;  // Of a fault.
};

ListRules ListRulesOf(const config::RunOptions& options);

// The rows of one split, whose key is "data.`name`", with the catalog. A fault when less than
// data.least_hittable of its truths can be hit, or of the lines of its answers, where those are
// learned, name items.
std::vector<Finding> CheckSplit(const catalog::Catalog& catalog,
                                const std::string& name,
                                const data::DialogueRows& rows,
                                const config::RunOptions& options);

// Titles that cannot be read back and, with a tokenizer (which may be null), those that cannot be
// written or take more room than a list has.
std::vector<Finding> CheckTitles(const catalog::Catalog& catalog,
                                 const tokenizer::Tokenizer* tokenizer,
                                 const config::RunOptions& options);

// Reads the catalog, the splits that the run's stages need and the tokenizer of model.path, and
// checks all of them. A file that cannot be read is a fault. Nothing is said of the embedded
// sample, which is made to go together.
std::vector<Finding> CheckRun(const config::RunOptions& options);

// OK, or what the first fault says, after its part.
absl::Status FirstFault(const std::vector<Finding>& findings);
// "data.train: all 24 truths can be hit".
std::string Sentence(const Finding& finding);

}  // namespace convrec::joins
