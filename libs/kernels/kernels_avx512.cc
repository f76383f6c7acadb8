// Compiled with the AVX-512 sets F, BW, DQ and VL.
#define CR_KERNEL_LANES 16
#define CR_KERNEL_ROWS 14
#include "libs/kernels/kernel_body.h"

namespace convrec::kernels {
extern const KernelTable kAvx512Kernels;
const KernelTable kAvx512Kernels = MakeTable();
}  // namespace convrec::kernels
