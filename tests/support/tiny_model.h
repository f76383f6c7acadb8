// A model directory that is created quickly: two layers of random weights, the small SmolLM2
// tokenizer of tests/golden, a ChatML template, a context of 256 tokens.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace convrec::testing {

// The same weights every time. Its output is noise.
absl::Status WriteTinyModel(const std::string& directory);

}  // namespace convrec::testing
