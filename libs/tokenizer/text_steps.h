// The parts of a tokenizer.json around its model: normalizer, pre-tokenizer, post-processor,
// decoder.
#pragma once

#include "absl/status/status.h"
#include "libs/json/json_object.h"
#include "libs/tokenizer/tokenizer_definition.h"

namespace convrec::tokenizer {

// Reads them from the outermost object of the file, and the alphabet of the tokens, which follows
// from them. InvalidArgument names the field of a step that is malformed or not supported.
absl::Status ReadTextSteps(const json::JsonObject& root, TokenizerDefinition* definition);

}  // namespace convrec::tokenizer
