// Items from rows, as a line format writes them.
//
// A row is a JsonRow or a CsvRow. By the default format an item is the row's "title" and "year";
// by any other it is the line, without a year. A value is a text on one line that is not blank, or
// a whole number.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/item.h"
#include "libs/rows/csv_rows.h"
#include "libs/rows/json_rows.h"
#include "libs/text/line_format.h"

namespace convrec::rows {

// The values of the format's fields, in their order. InvalidArgument naming file, line and field
// for one that is missing or of another kind; where that is the year, with the setting to change.
absl::StatusOr<std::vector<std::string>> LineValues(const JsonRow& row,
                                                    const text::LineFormat& format);
absl::StatusOr<std::vector<std::string>> LineValues(const CsvRow& row,
                                                    const text::LineFormat& format);

// Errors as those of LineValues().
absl::StatusOr<domain::Item> ReadItem(const JsonRow& row, const text::LineFormat& format);
absl::StatusOr<domain::Item> ReadItem(const CsvRow& row, const text::LineFormat& format);

// A list of objects or, by a format without a year, of texts that are lines.
absl::StatusOr<std::vector<domain::Item>> ReadItems(const JsonRow& row,
                                                    const std::string& field,
                                                    const text::LineFormat& format);

}  // namespace convrec::rows
