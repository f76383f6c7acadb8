// The values of a step, by the names of its table.
#pragma once

#include "libs/statistics/step_table.h"
#include "libs/statistics/values.h"

namespace convrec::statistics {

using SftValues = Values<kSftTable>;
using RlValues = Values<kRlTable>;

}  // namespace convrec::statistics
