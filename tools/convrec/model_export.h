// Exports the model of a checkpoint to its own directory.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/checkpoint/manifest.h"

namespace convrec::cli {

// Writes what other tools need of a checkpoint, without the training state, to `directory`: a
// Hugging Face directory or, for a run with learner.lora, a PEFT directory, in float32 only.
// `directory` must be empty or not exist yet, and appears atomically. The files are verified first.
// `dtype` is "F32", as in checkpoints, or "BF16", for which weights are rounded to nearest even.
absl::Status ExportCheckpoint(const checkpoint::Checkpoint& checkpoint,
                              const std::string& directory,
                              const std::string& dtype);

}  // namespace convrec::cli
