// Converts torch's exceptions to Status.
#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <functional>
#include <new>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace convrec::learner {

// The value of `body`, or a Status in place of its exception: ResourceExhausted with `memory_table`
// if memory ran out, else Internal.
template <typename Body>
absl::StatusOr<std::invoke_result_t<Body>> CatchTorch(
    const Body& body, const std::function<std::string()>& memory_table) {
  const auto out_of_memory = [&](const std::string& what) {
    return absl::ResourceExhaustedError(
        absl::StrCat("out of memory (", what, "); ", memory_table()));
  };
  try {
    return body();
  } catch (const c10::OutOfMemoryError& error) {
    return out_of_memory(error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    // The host memory allocator has no exception type of its own.
    if (what.find("can't allocate memory") != std::string::npos) return out_of_memory(what);
    return absl::InternalError(absl::StrCat("torch: ", what));
  } catch (const std::bad_alloc& error) {
    return out_of_memory(error.what());
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace convrec::learner
