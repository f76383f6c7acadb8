#include "libs/rpc/deadline.h"

namespace convrec::rpc {

gpr_timespec DeadlineAfter(absl::Duration time) {
  if (time == absl::InfiniteDuration()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(absl::ToInt64Nanoseconds(time), GPR_TIMESPAN));
}

}  // namespace convrec::rpc
