#include "libs/model/compute_threads.h"

#include <thread>

#include <ATen/Parallel.h>

namespace convrec::model {

void SetComputeThreads(int threads) {
  at::set_num_threads(threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace convrec::model
