#include "libs/catalog/catalog_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/domain/year.h"
#include "libs/rows/csv_rows.h"
#include "libs/rows/item_rows.h"
#include "libs/rows/json_rows.h"
#include "libs/rows/known_fields.h"
#include "libs/rows/sample_row.h"
#include "libs/text/unicode_text.h"

namespace convrec::catalog {
namespace {

using text::LineFormat;

constexpr char kNegative[] = "is negative; expected 0 or more";

// Lines write "Title (Year)": such a title would stand in them with its year twice.
template <typename Row>
absl::Status CheckTitle(const Row& row, const domain::Item& item) {
  if (item.year == domain::kNoYear) return absl::OkStatus();
  const std::string year = absl::StrCat(" (", item.year, ")");
  if (!absl::EndsWith(item.title, year)) return absl::OkStatus();
  return row.Error("title",
                   absl::StrCat("is \"",
                                item.title,
                                "\", which holds the year that lines add to it, as in \"",
                                item.title,
                                year,
                                "\"; expected the title alone"));
}

// An id is text or a whole number.
absl::StatusOr<std::string> ReadId(const rows::JsonRow& row) {
  const nlohmann::json* const value = row.Find("id");
  if (value != nullptr && value->is_number_integer()) return value->dump();
  return row.String("id");
}

std::string TextOf(const rows::JsonRow& row, const std::string& field) {
  return row.String(field).value_or("");
}
std::string TextOf(const rows::CsvRow& row, const std::string& field) {
  return std::string(row.Text(field));
}

// Makes lines of the aliases, which are titles, and keeps the bare titles as mentions.
template <typename Row>
absl::Status WriteAliases(const Row& row, const LineFormat& format, CatalogItem* entry) {
  if (format.is_dated()) return absl::OkStatus();
  const auto& fields = format.fields();
  const auto place =
      static_cast<size_t>(std::find(fields.begin(), fields.end(), "title") - fields.begin());
  if (place == fields.size() && !entry->aliases.empty()) {
    return row.Error("aliases",
                     absl::StrCat("is of no use: data.line_format \"",
                                  format.text(),
                                  "\" holds no {title} that an alias could stand for"));
  }
  entry->mentions = entry->aliases;
  if (const std::string title = TextOf(row, "title"); !title.empty())
    entry->mentions.insert(entry->mentions.begin(), title);
  CR_ASSIGN_OR_RETURN(std::vector<std::string> values, rows::LineValues(row, format));
  for (std::string& alias : entry->aliases) {
    if (text::IsBlank(alias)) continue;  // Refused with the other aliases.
    values[place] = alias;
    alias = format.Write(values);
  }
  return absl::OkStatus();
}

absl::StatusOr<CatalogItem> ReadEntry(const rows::JsonRow& row, const LineFormat& format) {
  CatalogItem entry;
  CR_ASSIGN_OR_RETURN(entry.item, rows::ReadItem(row, format));
  CR_RETURN_IF_ERROR(CheckTitle(row, entry.item));
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
  CR_RETURN_IF_ERROR(WriteAliases(row, format, &entry));
  return entry;
}

absl::StatusOr<CatalogItem> ReadEntry(const rows::CsvRow& row, const LineFormat& format) {
  CatalogItem entry;
  CR_ASSIGN_OR_RETURN(entry.item, rows::ReadItem(row, format));
  CR_RETURN_IF_ERROR(CheckTitle(row, entry.item));
  entry.id = row.Text("id");
  entry.genres = row.Texts("genres");
  CR_ASSIGN_OR_RETURN(entry.popularity, row.Double("popularity"));
  if (entry.popularity < 0) return row.Error("popularity", kNegative);
  entry.aliases = row.Texts("aliases");
  CR_RETURN_IF_ERROR(WriteAliases(row, format, &entry));
  return entry;
}

}  // namespace

absl::Status ForEachCatalogItem(
    std::string_view text,
    const std::string& path,
    const text::LineFormat& format,
    const std::function<absl::Status(const CatalogItem& item, int line)>& visit) {
  std::vector<std::vector<std::string>> known = {
      {"title"}, {"year"}, {"id"}, {"genres"}, {"popularity"}, {"aliases"}};
  for (const std::string& field : format.fields())
    if (std::find(known.begin(), known.end(), std::vector{field}) == known.end())
      known.push_back({field});
  rows::KnownFields fields(std::move(known));
  bool is_malformed = true;  // Rather than refused by `visit`.
  const auto read_and_visit = [&](const auto& row, int line) -> absl::Status {
    // First, since a field that the format misspells is no fault of the row's.
    if (!format.is_dated()) CR_RETURN_IF_ERROR(rows::LineValues(row, format).status());
    CR_RETURN_IF_ERROR(fields.Check(row));
    CR_ASSIGN_OR_RETURN(const CatalogItem item, ReadEntry(row, format));
    const absl::Status status = visit(item, line);
    is_malformed = status.ok();
    return status;
  };
  const bool is_csv = absl::EndsWithIgnoreCase(path, ".csv");
  const absl::Status status = is_csv ? rows::ForEachCsvRowOf(text, path, {"title"}, read_and_visit)
                                     : rows::ForEachJsonRowOf(text, path, read_and_visit);
  // The sample rows have a year.
  if (!is_malformed || !format.is_dated()) return status;
  return rows::WithSampleRow(status, is_csv ? kSampleCsvRows : kSampleJsonRow);
}

}  // namespace convrec::catalog
