// The defaults that a method implies; table in docs/training.md.
#pragma once

#include "libs/config/sections/objective.h"

namespace convrec::config {

// Sets the keys in which `objective->method` differs from rank_grpo.
void ApplyMethod(ObjectiveOptions* objective);

}  // namespace convrec::config
