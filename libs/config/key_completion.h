// Completion of key=value on a command line, from the table of the configuration.
#pragma once

#include <string>
#include <vector>

#include "libs/base/completion.h"

namespace convrec::config {

// The keys and sections of the level that `word` is in ("learner.st": "learner.steps=" ...); behind
// "=" the words that a value can be, none where it is a number, a text or a path.
std::vector<base::Candidate> CompleteKey(const std::string& word);

}  // namespace convrec::config
