// A digest of a model's shape.
#pragma once

#include <string>

#include "libs/model/model_config.h"

namespace convrec::model {

// Equal for configurations that compute the same function of the same parameters.
std::string ConfigDigest(const ModelConfig& config);

}  // namespace convrec::model
