// Saves and loads the low-rank adapter of a decoder as a PEFT directory, and merges it into the
// weights.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/model/decoder.h"

namespace convrec::model {

// Writes adapter_model.safetensors, in float32, and adapter_config.json, which PEFT loads on top of
// the model at `base`. Atomic per file; the directory must exist.
absl::Status SaveAdapter(const Decoder& decoder,
                         const std::string& directory,
                         const std::string& base);

// Reads such a directory into a decoder with an adapter of the same rank, alpha and targets.
absl::Status LoadAdapter(const std::string& directory, Decoder* decoder);

// The value of `parameter`, one of decoder.parameters(), merged with its adapter: float32 in host
// memory.
at::Tensor MergedValue(const Decoder& decoder, const NamedTensor& parameter);

// A digest over names and values of the parameters, without the adapter. It is the same for the
// same model wherever it is loaded.
std::string DigestOfParameters(const Decoder& decoder);

}  // namespace convrec::model
