// The model of a checkpoint as a directory of its own.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/checkpoint/manifest.h"

namespace convrec::cli {

// Writes what other tools need of a checkpoint, a Hugging Face directory (of a run with
// learner.lora a PEFT directory, in float32 only) without the state of training, to `directory`,
// which is empty or does not exist yet, and appears whole or not at all. The files are verified
// first. `dtype` is "F32", as checkpoints have it, or "BF16": weights are rounded to nearest even.
absl::Status ExportCheckpoint(const checkpoint::Checkpoint& checkpoint,
                              const std::string& directory,
                              const std::string& dtype);

}  // namespace convrec::cli
