// Compiled with -mavx2 -mfma.
#define CR_KERNEL_LANES 8
#define CR_KERNEL_ROWS 6
#include "libs/kernels/kernel_body.h"

namespace convrec::kernels {
extern const KernelTable kAvx2Kernels;
const KernelTable kAvx2Kernels = MakeTable();
}  // namespace convrec::kernels
