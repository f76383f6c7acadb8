// The version of convrec. It is written here only: CMake reads this line for the build, the
// packages and find_package(convrec).
#pragma once

#include <string>

namespace convrec::base {

inline constexpr char kVersion[] = "0.1.0";

// "0.1.0", with the commit where the build was told it: "0.1.0 (commit 1a2b3c4d5e6f)".
std::string VersionText();

}  // namespace convrec::base
