// The version of convrec. It is written here only: CMake reads this line for the build, the
// packages and find_package(convrec).
#pragma once

namespace convrec::base {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace convrec::base
