#include "libs/rows/item_rows.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status_macros.h"
#include "libs/domain/year.h"
#include "libs/text/unicode_text.h"

namespace convrec::rows {
namespace {

using text::LineFormat;

std::string Quoted(const LineFormat& format) { return absl::StrCat("\"", format.text(), "\""); }

bool HasValue(const JsonRow& row, const std::string& field) { return row.Has(field); }
bool HasValue(const CsvRow& row, const std::string& field) { return !row.Text(field).empty(); }

// nullopt when the field is missing.
absl::StatusOr<std::optional<std::string>> TextOf(const JsonRow& row, const std::string& field) {
  const nlohmann::json* const value = row.Find(field);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_integer()) return value->dump();
  if (const std::optional<int> number = WholeNumber(*value)) return absl::StrCat(*number);
  return row.String(field);
}

absl::StatusOr<std::optional<std::string>> TextOf(const CsvRow& row, const std::string& field) {
  const std::string_view text = row.Text(field);
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

template <typename Row>
absl::Status MissingField(const Row& row, const std::string& field, const LineFormat& format) {
  if (format.is_dated()) {
    return row.Error(field,
                     absl::StrCat("is missing; expected a whole number, since lines are ",
                                  Quoted(format),
                                  ". For items without a year set data.line_format, as in "
                                  "\"{title}\""));
  }
  return row.Error(field,
                   absl::StrCat("is missing; data.line_format ",
                                Quoted(format),
                                " writes it, and the row has ",
                                absl::StrJoin(row.FieldNames(), ", ")));
}

template <typename Row>
absl::Status CheckOneLine(const Row& row, const std::string& field, std::string_view value) {
  if (!text::IsBlank(value) && value.find_first_of("\r\n") == std::string_view::npos)
    return absl::OkStatus();
  return row.Error(field,
                   absl::StrCat("is blank or has a line break; expected a ",
                                field == "title" ? "title" : "text",
                                " on one line"));
}

template <typename Row>
absl::StatusOr<std::vector<std::string>> ValuesOf(const Row& row, const LineFormat& format) {
  std::vector<std::string> values;
  for (const std::string& field : format.fields()) {
    CR_ASSIGN_OR_RETURN(std::optional<std::string> value, TextOf(row, field));
    if (!value) return MissingField(row, field, format);
    CR_RETURN_IF_ERROR(CheckOneLine(row, field, *value));
    values.push_back(*std::move(value));
  }
  return values;
}

absl::StatusOr<std::string> TitleOf(const JsonRow& row) { return row.String("title"); }
absl::StatusOr<std::string> TitleOf(const CsvRow& row) { return std::string(row.Text("title")); }

template <typename Row>
absl::StatusOr<domain::Item> ItemOf(const Row& row, const LineFormat& format) {
  if (!format.is_dated()) {
    CR_ASSIGN_OR_RETURN(const std::vector<std::string> values, ValuesOf(row, format));
    return domain::Item{format.Write(values), domain::kNoYear};
  }
  domain::Item item;
  CR_ASSIGN_OR_RETURN(item.title, TitleOf(row));
  CR_RETURN_IF_ERROR(CheckOneLine(row, "title", item.title));
  if (!HasValue(row, "year")) return MissingField(row, "year", format);
  CR_ASSIGN_OR_RETURN(item.year, row.Int("year"));
  if (item.year == domain::kNoYear) {
    return row.Error("year",
                     "is 0; expected a year. For items without a year set data.line_format, as in "
                     "\"{title}\"");
  }
  return item;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> LineValues(const JsonRow& row, const LineFormat& format) {
  return ValuesOf(row, format);
}

absl::StatusOr<std::vector<std::string>> LineValues(const CsvRow& row, const LineFormat& format) {
  return ValuesOf(row, format);
}

absl::StatusOr<domain::Item> ReadItem(const JsonRow& row, const LineFormat& format) {
  return ItemOf(row, format);
}

absl::StatusOr<domain::Item> ReadItem(const CsvRow& row, const LineFormat& format) {
  return ItemOf(row, format);
}

absl::StatusOr<std::vector<domain::Item>> ReadItems(const JsonRow& row,
                                                    const std::string& field,
                                                    const LineFormat& format) {
  std::vector<domain::Item> items;
  const nlohmann::json* const value = row.Find(field);
  const bool has_texts = value != nullptr && value->is_array() && !value->empty() &&
                         value->front().is_string() && !format.is_dated();
  if (has_texts) {
    CR_ASSIGN_OR_RETURN(std::vector<std::string> lines, row.Strings(field));
    for (std::string& line : lines) {
      if (text::IsBlank(line) || line.find_first_of("\r\n") != std::string::npos)
        return row.Error(field, "holds a blank text or a line break; expected lines of a list");
      items.push_back({std::move(line), domain::kNoYear});
    }
    return items;
  }
  CR_ASSIGN_OR_RETURN(const std::vector<JsonRow> rows, row.Rows(field));
  for (const JsonRow& object : rows) {
    CR_ASSIGN_OR_RETURN(domain::Item item, ReadItem(object, format));
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace convrec::rows
