#include "libs/kernels/kernel_table.h"

#include "libs/base/check.h"

namespace convrec::kernels {

extern const KernelTable kGenericKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
extern const KernelTable kAvx512Bf16Kernels;
#endif

const KernelTable& KernelsOf(InstructionSet set) {
  CR_CHECK(set <= BestInstructionSet(), "this processor lacks the instruction set");
#if defined(__x86_64__)
  switch (set) {
    case InstructionSet::kAvx512Bf16:
      return kAvx512Bf16Kernels;
    case InstructionSet::kAvx512:
      return kAvx512Kernels;
    case InstructionSet::kAvx2:
      return kAvx2Kernels;
    case InstructionSet::kGeneric:
      break;
  }
#endif
  return kGenericKernels;
}

const KernelTable& Kernels() {
  static const KernelTable& best = KernelsOf(BestInstructionSet());
  return best;
}

}  // namespace convrec::kernels
