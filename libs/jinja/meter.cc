#include "libs/jinja/meter.h"

#include "absl/strings/str_cat.h"

namespace convrec::jinja {

absl::Status Meter::CheckText(uint64_t bytes) const {
  if (bytes > limits_.max_output_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a text grows beyond ", limits_.max_output_bytes, " bytes"));
  }
  return CheckMemory(bytes);
}

absl::Status Meter::CheckMemory(uint64_t bytes) const {
  if (bytes <= limits_.max_live_bytes && live_bytes_ <= limits_.max_live_bytes - bytes) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("the template's values need more than ", limits_.max_live_bytes, " bytes"));
}

absl::Status Meter::WorkError() const {
  return absl::ResourceExhaustedError(
      absl::StrCat("the template takes more than ", limits_.max_work, " steps"));
}

}  // namespace convrec::jinja
