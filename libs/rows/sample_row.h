// What a row of a file should look like, for the message about one that does not.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace convrec::rows {

// A malformed row, which is InvalidArgument, is shown a good one; other errors stay as they are.
inline absl::Status WithSampleRow(const absl::Status& status, const std::string& sample) {
  if (!absl::IsInvalidArgument(status)) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), "; a row looks like this: ", sample));
}

}  // namespace convrec::rows
