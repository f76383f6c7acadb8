// Compiled with the AVX-512 sets F, BW, DQ, VL and BF16.
#define CR_KERNEL_LANES 16
#define CR_KERNEL_ROWS 14
#define CR_KERNEL_DPBF16 1
#include "libs/kernels/kernel_body.h"

namespace convrec::kernels {
extern const KernelTable kAvx512Bf16Kernels;
const KernelTable kAvx512Bf16Kernels = MakeTable();
}  // namespace convrec::kernels
