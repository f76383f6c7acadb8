// The items of a catalog file: JSON lines, or CSV when its name ends in ".csv".
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/catalog/catalog_item.h"
#include "libs/text/line_format.h"

namespace convrec::catalog {

// One row of each format, as messages about malformed rows show it.
inline constexpr char kSampleJsonRow[] = R"({"title": "Heat", "year": 1995})";
inline constexpr char kSampleCsvRows[] = "title,year on the first line, then Heat,1995";

// Calls `visit(item, line)` for each row of `text`, the content of the file `path`, counting lines
// from 1; stops at the first error. InvalidArgument naming file, line and field for a bad row. Both
// formats have title and year and optionally id, genres, popularity and aliases; with a `format`
// other than the default they have its fields instead of title and year, and the item's title is
// its line. A field that looks like a misspelling of one that the row lacks is an error; other
// fields are ignored. A title that ends in its own year, which lines add to it, is an error too.
absl::Status ForEachCatalogItem(
    std::string_view text,
    const std::string& path,
    const text::LineFormat& format,
    const std::function<absl::Status(const CatalogItem& item, int line)>& visit);

}  // namespace convrec::catalog
