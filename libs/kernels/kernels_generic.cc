#define CR_KERNEL_LANES 8
#define CR_KERNEL_ROWS 4
#include "libs/kernels/kernel_body.h"

namespace convrec::kernels {
extern const KernelTable kGenericKernels;
const KernelTable kGenericKernels = MakeTable();
}  // namespace convrec::kernels
