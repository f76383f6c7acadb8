// How items are written as the lines of a list: a template over the fields of a catalog's rows.
//
//   "{title} ({year})"   the default: a line is a title and a year, which are compared apart;
//   "{title}", "{title} - {artist}", "{title} [{id}]", ...   the whole line is the item's name.
//
// Immutable, thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace convrec::text {

class LineFormat final {
 public:
  static constexpr char kTitleAndYear[] = "{title} ({year})";

  LineFormat();  // kTitleAndYear.
  // InvalidArgument with a clause, as in "names no field", for a text that is no template: fields
  // are letters, digits, "_" and "-" in braces, one at least and none twice, in one line without
  // spaces at its ends.
  static absl::StatusOr<LineFormat> Parse(std::string_view text);

  const std::string& text() const { return text_; }
  // In the order of the line.
  const std::vector<std::string>& fields() const { return fields_; }
  bool HasField(std::string_view field) const;
  // Whether titles and years are compared apart.
  bool is_dated() const { return text_ == kTitleAndYear; }

  // The line of an item; one value per field.
  std::string Write(std::span<const std::string> values) const;
  // Whether the line has what stands between the fields, in order, and something in each field.
  bool Fits(std::string_view line) const;

 private:
  std::string text_;
  std::vector<std::string> fields_;
  std::vector<std::string> literals_;  // Before each field and after the last.
};

}  // namespace convrec::text
