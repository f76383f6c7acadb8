// CR_CHECK aborts on our own bugs. Faults of the outside world are an absl::Status instead.
#pragma once

#include <string>

namespace convrec::base {

// Prints "file:line: check failed: expr: message" and aborts.
[[noreturn]] void CheckFailed(const char* file,
                              int line,
                              const char* expr,
                              const std::string& message);

}  // namespace convrec::base

// CR_CHECK(n > 0) or CR_CHECK(n > 0, absl::StrCat("n is ", n)).
#define CR_CHECK(cond, ...)                                                                \
  do {                                                                                     \
    if (!(cond)) [[unlikely]]                                                              \
      ::convrec::base::CheckFailed(__FILE__, __LINE__, #cond, ::std::string(__VA_ARGS__)); \
  } while (false)
