// Sets the number of threads of the tensor library in this process.
#pragma once

namespace convrec::model {

// 0 = all cores this process may use. Call once, before the first tensor operation.
void SetComputeThreads(int threads);

}  // namespace convrec::model
