// How many cores this process may use. Under an affinity mask or a container's CPU quota that is
// fewer than the machine has.
#pragma once

#include <string>

namespace convrec::base {

// The number of cores in the affinity mask, bounded by the CPU quota of this process's control
// groups (versions 1 and 2), rounded up; >= 1.
int UsableCores();

// Cores of a quota file: "150000 100000" or "max 100000" (cpu.max), in microseconds per period.
// 0 = no bound, or text in another form.
double CoresOfQuota(const std::string& quota_and_period);

}  // namespace convrec::base
