// How many cores this process may use: fewer than the machine has under an affinity mask or a
// container's CPU quota.
#pragma once

#include <string>

namespace convrec::base {

// The cores of the affinity mask, bounded by the CPU quota of the control groups (versions 1 and 2)
// this process is in, rounded up; >= 1.
int UsableCores();

// Cores of a quota file: "150000 100000" or "max 100000" (cpu.max), in microseconds per period.
// 0 = no bound, or a text of another form.
double CoresOfQuota(const std::string& quota_and_period);

}  // namespace convrec::base
