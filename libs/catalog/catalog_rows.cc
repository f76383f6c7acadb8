#include "libs/catalog/catalog_rows.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rows/csv_rows.h"
#include "libs/rows/json_rows.h"
#include "libs/rows/sample_row.h"
#include "libs/text/unicode_text.h"

namespace convrec::catalog {
namespace {

constexpr char kNegative[] = "is negative; expected 0 or more";

// An id is text or a whole number.
absl::StatusOr<std::string> ReadId(const rows::JsonRow& row) {
  const nlohmann::json* const value = row.Find("id");
  if (value != nullptr && value->is_number_integer()) return value->dump();
  return row.String("id");
}

absl::StatusOr<CatalogItem> ReadItem(const rows::JsonRow& row) {
  CatalogItem entry;
  CR_ASSIGN_OR_RETURN(entry.item, row.ItemValue());
  if (row.Has("id")) {
    CR_ASSIGN_OR_RETURN(entry.id, ReadId(row));
  }
  if (row.Has("genres")) {
    CR_ASSIGN_OR_RETURN(entry.genres, row.Strings("genres"));
  }
  if (row.Has("popularity")) {
    CR_ASSIGN_OR_RETURN(entry.popularity, row.Double("popularity"));
    if (entry.popularity < 0) return row.Error("popularity", kNegative);
  }
  if (row.Has("aliases")) {
    CR_ASSIGN_OR_RETURN(entry.aliases, row.Strings("aliases"));
  }
  return entry;
}

absl::StatusOr<CatalogItem> ReadItem(const rows::CsvRow& row) {
  CatalogItem entry;
  entry.item.title = row.Text("title");
  if (text::IsBlank(entry.item.title) || entry.item.title.find('\n') != std::string::npos) {
    return row.Error("title", "is blank or has a line break; expected a title on one line");
  }
  CR_ASSIGN_OR_RETURN(entry.item.year, row.Int("year"));
  entry.id = row.Text("id");
  entry.genres = row.Texts("genres");
  CR_ASSIGN_OR_RETURN(entry.popularity, row.Double("popularity"));
  if (entry.popularity < 0) return row.Error("popularity", kNegative);
  entry.aliases = row.Texts("aliases");
  return entry;
}

}  // namespace

absl::Status ForEachCatalogItem(
    std::string_view text,
    const std::string& path,
    const std::function<absl::Status(const CatalogItem& item, int line)>& visit) {
  bool is_malformed = true;  // Rather than refused by `visit`.
  const auto read_and_visit = [&](const auto& row, int line) -> absl::Status {
    CR_ASSIGN_OR_RETURN(const CatalogItem item, ReadItem(row));
    const absl::Status status = visit(item, line);
    is_malformed = status.ok();
    return status;
  };
  const bool is_csv = absl::EndsWithIgnoreCase(path, ".csv");
  const absl::Status status =
      is_csv ? rows::ForEachCsvRowOf(text, path, {"title", "year"}, read_and_visit)
             : rows::ForEachJsonRowOf(text, path, read_and_visit);
  if (!is_malformed) return status;
  return rows::WithSampleRow(status, is_csv ? kSampleCsvRows : kSampleJsonRow);
}

}  // namespace convrec::catalog
