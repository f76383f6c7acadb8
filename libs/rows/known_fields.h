// Which fields of a row something reads. A field that looks like a misspelling of one of them is an
// error; others are counted, so that a run can say what it has not read.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "libs/rows/csv_rows.h"
#include "libs/rows/json_rows.h"

namespace convrec::rows {

// Not thread-safe.
class KnownFields final {
 public:
  // Each group holds fields of which a row has one, as {"context", "prompt"}.
  explicit KnownFields(std::vector<std::vector<std::string>> groups);

  // InvalidArgument for a field that is unknown and close to a group of which the row has none:
  // "rows.jsonl:3: field "seen" is unknown; did you mean "seen_titles"?". Counts other unknown
  // fields.
  absl::Status Check(const JsonRow& row);
  absl::Status Check(const CsvRow& row);

  // The unknown fields and how many rows have them.
  const std::map<std::string, int>& num_rows_of_unknown() const { return num_rows_of_unknown_; }

 private:
  using MakeError =
      std::function<absl::Status(const std::string& field, const std::string& problem)>;
  absl::Status CheckNames(const std::vector<std::string>& fields, const MakeError& make_error);

  const std::vector<std::vector<std::string>> groups_;
  absl::flat_hash_set<std::string> known_;
  std::map<std::string, int> num_rows_of_unknown_;
};

// The known field that `unknown` is likely to stand for, or "": it is a few letters away, or one
// begins or ends with the other. "truths" is close to "groundtruth".
std::string CloseField(const std::string& unknown, const std::vector<std::string>& known);

}  // namespace convrec::rows
