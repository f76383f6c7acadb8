#include "libs/kernels/instruction_set.h"

namespace convrec::kernels {

InstructionSet BestInstructionSet() {
#if defined(__x86_64__)
  static const InstructionSet best = [] {
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
    if (avx512 && __builtin_cpu_supports("avx512bf16")) return InstructionSet::kAvx512Bf16;
    if (avx512) return InstructionSet::kAvx512;
    return avx2 ? InstructionSet::kAvx2 : InstructionSet::kGeneric;
  }();
  return best;
#else
  return InstructionSet::kGeneric;
#endif
}

bool HasNativeBfloat16() { return BestInstructionSet() == InstructionSet::kAvx512Bf16; }

std::string_view Name(InstructionSet set) {
  switch (set) {
    case InstructionSet::kGeneric:
      return "generic";
    case InstructionSet::kAvx2:
      return "avx2";
    case InstructionSet::kAvx512:
      return "avx512";
    case InstructionSet::kAvx512Bf16:
      return "avx512-bf16";
  }
  return "generic";
}

}  // namespace convrec::kernels
