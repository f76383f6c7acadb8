// The trainer that a configuration describes.
#pragma once

#include <string>

#include "libs/config/run_options.h"
#include "libs/model/decoder.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {

Trainer::Options SftTrainerOptions(const config::RunOptions& options);
Trainer::Options RlTrainerOptions(const config::RunOptions& options);

// The policy or, not trainable, its reference; both use the same products, so equal weights give
// equal numbers.
model::DecoderOptions LearnerDecoderOptions(const config::RunOptions& options, bool trainable);

// model.device on one of several ranks of a machine: "cuda" becomes the rank's own device.
std::string DeviceOfRank(const std::string& device, int local_rank);

}  // namespace convrec::learner
