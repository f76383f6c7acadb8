#include "libs/model/compute_threads.h"

#include <ATen/Parallel.h>

#include <thread>

namespace convrec::model {

void SetComputeThreads(int threads) {
  at::set_num_threads(threads > 0 ? threads
                                  : static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace convrec::model
