// JSON lines. Errors name file, line, field and what was expected there.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::rows {

// One JSON object of a file, or an object within it. A view: the JSON must outlive it.
class JsonRow final {
 public:
  // `where` is "file:line"; `path` is "" or the field that holds this object.
  JsonRow(const nlohmann::json* object, std::string where, std::string path = "")
      : object_(object), where_(std::move(where)), path_(std::move(path)) {}

  bool Has(const std::string& field) const;  // Present and not null.
  std::vector<std::string> FieldNames() const;
  bool AllFields(const std::function<bool(const std::string& field)>& predicate) const;
  // The value, or InvalidArgument when it is missing or has another type. A whole number may be
  // written as 1999.0, as by programs that keep columns with gaps as floating point.
  absl::StatusOr<std::string> String(const std::string& field) const;
  absl::StatusOr<int> Int(const std::string& field) const;
  absl::StatusOr<double> Double(const std::string& field) const;
  absl::StatusOr<std::vector<std::string>> Strings(const std::string& field) const;
  // The objects of an array.
  absl::StatusOr<std::vector<JsonRow>> Rows(const std::string& field) const;

  // InvalidArgument "file:line: field "x" problem".
  absl::Status Error(const std::string& field, const std::string& problem) const;
  // nullptr when missing.
  const nlohmann::json* Find(const std::string& field) const;
  const std::string& where() const { return where_; }

 private:
  absl::StatusOr<const nlohmann::json*> Require(const std::string& field,
                                                const std::string& expected) const;
  std::string PathOf(const std::string& field) const;

  const nlohmann::json* object_;
  std::string where_;
  std::string path_;
};

// A whole number up to 10^9, also when written as 1999.0.
std::optional<int> WholeNumber(const nlohmann::json& value);

// Calls `visit(row, line)` for each non-blank line of `path`, counting lines from 1 and reading as
// it goes; stops at the first error. A line that is not a JSON object is an error. `wanted(index)`
// can skip rows, counted from 0, before they are parsed.
absl::Status ForEachJsonRow(const std::string& path,
                            const std::function<bool(int64_t index)>& wanted,
                            const std::function<absl::Status(const JsonRow& row, int line)>& visit);
// The same for all rows of `text`; messages use `name` as the name of the file.
absl::Status ForEachJsonRowOf(
    std::string_view text,
    const std::string& name,
    const std::function<absl::Status(const JsonRow& row, int line)>& visit);

}  // namespace convrec::rows
