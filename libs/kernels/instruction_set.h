// Which vector instructions the kernels use on this machine.
#pragma once

#include <string_view>

namespace convrec::kernels {

enum class InstructionSet {
  kGeneric,     // Available on every processor of the architecture.
  kAvx2,        // AVX2 and FMA.
  kAvx512,      // AVX-512 F, BW, DQ, VL.
  kAvx512Bf16,  // The same with products of bfloat16 pairs.
};

// The best set that both this processor and this build have; determined once.
InstructionSet BestInstructionSet();

// Whether bfloat16 products are faster than float32 ones.
bool HasNativeBfloat16();

std::string_view Name(InstructionSet set);

}  // namespace convrec::kernels
