#include "tools/convrec/lists_file.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/lists/list_parser.h"
#include "libs/rows/json_rows.h"
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

absl::StatusOr<std::vector<domain::Item>> GroundTruthOf(const JsonRow& row) {
  const std::string field = "groundtruth";
  const nlohmann::json* const value = row.Find(field);
  const bool has_pairs = value->is_array() && !value->empty() && value->front().is_array();
  if (!has_pairs) return row.Items(field);
  std::vector<domain::Item> items;
  for (const nlohmann::json& pair : *value) {
    const bool is_pair =
        pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_number_integer();
    if (!is_pair) return row.Error(field, "holds something else than [title, year] pairs");
    items.push_back({pair[0].get<std::string>(), pair[1].get<int>()});
  }
  return items;
}

absl::Status ReadTruth(const JsonRow& row, ListToScore* list) {
  if (row.Has("groundtruth")) {
    CR_ASSIGN_OR_RETURN(list->ground_truth, GroundTruthOf(row));
  }
  if (row.Has("seen_titles")) {
    CR_ASSIGN_OR_RETURN(list->seen_titles, row.Strings("seen_titles"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ListToScore> ReadList(const JsonRow& row) {
  ListToScore list;
  list.where = row.where();
  if (row.Has("id")) {
    const nlohmann::json& id = *row.Find("id");
    list.id = id.is_string() ? id.get<std::string>() : id.dump();
  }
  CR_ASSIGN_OR_RETURN(list.text, row.String(row.Has("completion") ? "completion" : "text"));
  CR_RETURN_IF_ERROR(ReadTruth(row, &list));
  return list;
}

}  // namespace

absl::StatusOr<std::vector<ListToScore>> ReadLists(const std::string& path) {
  CR_ASSIGN_OR_RETURN(std::string text, base::ReadFile(path));
  std::vector<ListToScore> lists;
  if (IsJsonLines(text)) {
    const auto read_row = [&lists](const JsonRow& row, int) {
      absl::StatusOr<ListToScore> list = ReadList(row);
      if (list.ok()) lists.push_back(*std::move(list));
      return list.status();
    };
    CR_RETURN_IF_ERROR(
        rows::WithSampleRow(rows::ForEachJsonRowOf(text, path, read_row), kSampleList));
  } else if (text.find_first_not_of(" \t\r\n") != std::string::npos) {
    ListToScore& list = lists.emplace_back();
    list.where = path;
    list.text = std::move(text);
  }
  if (lists.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": there is no list; expected lines \"Title (Year)\" or JSON lines with \"text\""));
  }
  return lists;
}

absl::Status ReadTruths(const std::string& path, std::vector<ListToScore>* lists) {
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  if (!IsJsonLines(text)) {
    std::vector<domain::Item> items;
    int line = 0;
    for (const lists::RankedEntry& entry :
         lists::ParseList(text, lists::RankCounting::kByLine).entries) {
      ++line;
      if (entry.status == lists::LineStatus::kMalformed) {
        return absl::InvalidArgumentError(absl::StrCat(
            path, ": item ", line, " is not \"Title (Year)\"; expected one item per line"));
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
  const auto read_row = [&](const JsonRow& row, int) -> absl::Status {
    const size_t index = num_rows++;
    return index < lists->size() ? ReadTruth(row, &(*lists)[index]) : absl::OkStatus();
  };
  CR_RETURN_IF_ERROR(
      rows::WithSampleRow(rows::ForEachJsonRowOf(text, path, read_row), kSampleTruth));
  if (num_rows != lists->size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": has ", num_rows, " rows; expected one for each of the ", lists->size(), " lists"));
  }
  return absl::OkStatus();
}

}  // namespace convrec::cli
