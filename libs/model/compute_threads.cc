#include "libs/model/compute_threads.h"

#include <ATen/Parallel.h>

#include "libs/base/usable_cores.h"

namespace convrec::model {

void SetComputeThreads(int threads) {
  at::set_num_threads(threads > 0 ? threads : base::UsableCores());
}

}  // namespace convrec::model
