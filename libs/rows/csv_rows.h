// CSV (RFC 4180) with a header line. Errors name file, line, field and what was expected.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::rows {

// One record. A view: its arguments must outlive it.
class CsvRow final {
 public:
  CsvRow(const std::vector<std::string>* head,
         const std::vector<std::string>* fields,
         std::string where)
      : head_(head), fields_(fields), where_(std::move(where)) {}

  const std::vector<std::string>& FieldNames() const { return *head_; }
  // The field of a column; empty when there is no such column.
  std::string_view Text(std::string_view column) const;
  // A whole number up to 10^9, which may be written as 1999.0; empty text is an error.
  absl::StatusOr<int> Int(const std::string& column) const;
  // 0 for empty text.
  absl::StatusOr<double> Double(const std::string& column) const;
  // The parts between "|"; none for empty text.
  std::vector<std::string> Texts(std::string_view column) const;

  // InvalidArgument "file:line: field "x" problem".
  absl::Status Error(const std::string& column, const std::string& problem) const;

 private:
  const std::vector<std::string>* head_;
  const std::vector<std::string>* fields_;
  std::string where_;
};

// A whole number up to 10^9, also when written as "1999.0"; nullopt for other text.
std::optional<int> WholeNumberIn(std::string_view text);

// Calls `visit(row, line)` for each record after the header, where `line` is the line it starts on,
// from 1; stops at the first error. Blank lines are skipped. InvalidArgument without one of the
// `required` columns, for a record of another length, for text that is not UTF-8 and for stray
// quotes. Messages use `name` as the name of the file.
absl::Status ForEachCsvRowOf(std::string_view text,
                             const std::string& name,
                             const std::vector<std::string>& required,
                             const std::function<absl::Status(const CsvRow& row, int line)>& visit);

}  // namespace convrec::rows
