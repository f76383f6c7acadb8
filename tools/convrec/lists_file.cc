#include "tools/convrec/lists_file.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/data/dialogue_reader.h"
#include "libs/lists/list_parser.h"
#include "libs/rows/item_rows.h"
#include "libs/rows/json_rows.h"
#include "libs/rows/known_fields.h"
#include "libs/rows/sample_row.h"

namespace convrec::cli {
namespace {

using rows::JsonRow;

constexpr char kSampleList[] = R"row({"text": "Heat (1995)\nAlien (1979)"})row";
constexpr char kSampleTruth[] = R"({"groundtruth": [{"title": "Alien", "year": 1979}]})";

bool IsJsonLines(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

// There truths may have no year, and are left out then.
constexpr char kPublishedTruths[] = "groundtruth_with_release_year";

absl::StatusOr<std::vector<domain::Item>> GroundTruthOf(const JsonRow& row,
                                                        const std::string& field,
                                                        const text::LineFormat& format,
                                                        int* num_without_year) {
  const nlohmann::json* const value = row.Find(field);
  const bool has_pairs = value->is_array() && !value->empty() && value->front().is_array();
  if (!has_pairs) return rows::ReadItems(row, field, format);
  if (!format.is_dated()) {
    return row.Error(field,
                     absl::StrCat("holds pairs; expected objects or texts, since data.line_format "
                                  "is \"",
                                  format.text(),
                                  "\""));
  }
  std::vector<domain::Item> items;
  for (const nlohmann::json& pair : *value) {
    const bool is_pair = pair.is_array() && pair.size() == 2 && pair[0].is_string();
    const std::optional<int> year = is_pair ? data::YearOf(pair[1]) : std::nullopt;
    if (year) {
      items.push_back({pair[0].get<std::string>(), *year});
    } else if (is_pair && field == kPublishedTruths) {
      ++*num_without_year;
    } else {
      return row.Error(field, "holds something else than [title, year] pairs");
    }
  }
  return items;
}

// Rows of a data set may be scored as they are, so their fields are known too.
rows::KnownFields FieldsOfLists() {
  std::vector<std::vector<std::string>> groups = data::DialogueFields();
  for (std::vector<std::string>& group : groups) {
    if (group.front() == "completion") group.push_back("text");
  }
  return rows::KnownFields(std::move(groups));
}

absl::Status ReadTruth(const JsonRow& row,
                       const text::LineFormat& format,
                       ListToScore* list,
                       int* num_without_year) {
  for (const char* const field : {"groundtruth", kPublishedTruths}) {
    if (!row.Has(field)) continue;
    CR_ASSIGN_OR_RETURN(list->ground_truth, GroundTruthOf(row, field, format, num_without_year));
  }
  if (row.Has("seen_titles")) {
    CR_ASSIGN_OR_RETURN(list->seen_titles, row.Strings("seen_titles"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ListToScore> ReadList(const JsonRow& row,
                                     const text::LineFormat& format,
                                     int* num_without_year) {
  ListToScore list;
  list.where = row.where();
  if (row.Has("id")) {
    const nlohmann::json& id = *row.Find("id");
    list.id = id.is_string() ? id.get<std::string>() : id.dump();
  }
  CR_ASSIGN_OR_RETURN(list.text, row.String(row.Has("completion") ? "completion" : "text"));
  CR_RETURN_IF_ERROR(ReadTruth(row, format, &list, num_without_year));
  return list;
}

void AddNotes(const std::string& path,
              const rows::KnownFields& fields,
              int num_without_year,
              std::vector<std::string>* notes) {
  for (const auto& [field, num_rows] : fields.num_rows_of_unknown())
    notes->push_back(
        absl::StrCat(path, ": nothing reads the field \"", field, "\" of ", num_rows, " rows"));
  if (num_without_year > 0) {
    notes->push_back(absl::StrCat(
        path, ": ", num_without_year, " truths are left out because they have no year"));
  }
}

}  // namespace

absl::StatusOr<std::vector<ListToScore>> ReadLists(const std::string& path,
                                                   const text::LineFormat& format,
                                                   std::vector<std::string>* notes) {
  CR_ASSIGN_OR_RETURN(std::string text, base::ReadFile(path));
  std::vector<ListToScore> lists;
  if (IsJsonLines(text)) {
    rows::KnownFields fields = FieldsOfLists();
    int num_without_year = 0;
    const auto read_row = [&](const JsonRow& row, int) -> absl::Status {
      CR_RETURN_IF_ERROR(fields.Check(row));
      CR_ASSIGN_OR_RETURN(ListToScore list, ReadList(row, format, &num_without_year));
      lists.push_back(std::move(list));
      return absl::OkStatus();
    };
    CR_RETURN_IF_ERROR(
        rows::WithSampleRow(rows::ForEachJsonRowOf(text, path, read_row), kSampleList));
    AddNotes(path, fields, num_without_year, notes);
  } else if (text.find_first_not_of(" \t\r\n") != std::string::npos) {
    ListToScore& list = lists.emplace_back();
    list.where = path;
    list.text = std::move(text);
  }
  if (lists.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path,
                                                   ": there is no list; expected lines \"",
                                                   format.text(),
                                                   "\" or JSON lines with \"text\""));
  }
  return lists;
}

absl::Status ReadTruths(const std::string& path,
                        const text::LineFormat& format,
                        const lists::OddTitles* odd_titles,
                        std::vector<ListToScore>* lists,
                        std::vector<std::string>* notes) {
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  if (!IsJsonLines(text)) {
    std::vector<domain::Item> items;
    int line = 0;
    for (const lists::RankedEntry& entry :
         lists::ParseList(text, lists::RankCounting::kByLine, odd_titles).entries) {
      ++line;
      if (entry.status == lists::LineStatus::kMalformed) {
        return absl::InvalidArgumentError(absl::StrCat(
            path, ": item ", line, " is not \"", format.text(), "\"; expected one item per line"));
      }
      items.push_back(entry.item);
    }
    if (items.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": there is no ground truth in it"));
    }
    for (ListToScore& list : *lists) list.ground_truth = items;
    return absl::OkStatus();
  }
  size_t num_rows = 0;
  rows::KnownFields fields = FieldsOfLists();
  int num_without_year = 0;
  const auto read_row = [&](const JsonRow& row, int) -> absl::Status {
    CR_RETURN_IF_ERROR(fields.Check(row));
    const size_t index = num_rows++;
    return index < lists->size() ? ReadTruth(row, format, &(*lists)[index], &num_without_year)
                                 : absl::OkStatus();
  };
  CR_RETURN_IF_ERROR(
      rows::WithSampleRow(rows::ForEachJsonRowOf(text, path, read_row), kSampleTruth));
  AddNotes(path, fields, num_without_year, notes);
  if (num_rows != lists->size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": has ", num_rows, " rows; expected one for each of the ", lists->size(), " lists"));
  }
  return absl::OkStatus();
}

}  // namespace convrec::cli
