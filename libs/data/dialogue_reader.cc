#include "libs/data/dialogue_reader.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rows/csv_rows.h"
#include "libs/rows/item_rows.h"
#include "libs/rows/json_rows.h"
#include "libs/rows/known_fields.h"
#include "libs/rows/sample_row.h"

namespace convrec::data {
namespace {

using rows::JsonRow;
using Json = nlohmann::json;

absl::StatusOr<std::vector<domain::Turn>> ReadTurns(const JsonRow& row,
                                                    const std::string& field,
                                                    const std::string& text_field) {
  CR_ASSIGN_OR_RETURN(const std::vector<JsonRow> objects, row.Rows(field));
  if (objects.empty()) return row.Error(field, "is empty; expected at least one turn");
  std::vector<domain::Turn> turns;
  for (const JsonRow& object : objects) {
    domain::Turn turn;
    CR_ASSIGN_OR_RETURN(turn.role, object.String("role"));
    if (turn.role != "system" && turn.role != "user" && turn.role != "assistant") {
      return object.Error(
          "role",
          absl::StrCat("is \"", turn.role, "\"; expected \"system\", \"user\" or \"assistant\""));
    }
    CR_ASSIGN_OR_RETURN(turn.text, object.String(text_field));
    turns.push_back(std::move(turn));
  }
  return turns;
}

// [["Alien", 1979], ["Heat", "1995"]].
absl::Status ReadTruthPairs(const JsonRow& json,
                            const text::LineFormat& format,
                            DialogueRow* row,
                            DialogueRows* result) {
  const std::string field = "groundtruth_with_release_year";
  if (!format.is_dated()) {
    return json.Error(field,
                      absl::StrCat("holds titles with years; expected \"groundtruth\", since "
                                   "data.line_format is \"",
                                   format.text(),
                                   "\""));
  }
  const std::string expected = "a list of [\"title\", year]";
  const Json* pairs = json.Find(field);
  if (pairs == nullptr) return json.Error(field, absl::StrCat("is missing; expected ", expected));
  if (!pairs->is_array()) {
    return json.Error(field, absl::StrCat("is not a list; expected ", expected));
  }
  for (const Json& pair : *pairs) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string()) {
      return json.Error(field, absl::StrCat("holds an entry of another form; expected ", expected));
    }
    const std::string title = pair[0].get<std::string>();
    if (const std::optional<int> year = YearOf(pair[1])) {
      row->ground_truth.push_back({title, *year});
    } else if (result->num_truths_without_year++ == 0) {
      result->first_without_year = absl::StrCat(json.where(), ": \"", title, "\"");
    }
  }
  if (row->ground_truth.empty()) {
    return json.Error(field, "is empty; expected at least one title with a year");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> OptionalText(const JsonRow& json, const std::string& field) {
  if (!json.Has(field)) return std::string();
  return json.String(field);
}

absl::StatusOr<std::string> ReadId(const JsonRow& json) {
  const Json* id = json.Find("id");
  if (id != nullptr && id->is_number_integer()) return id->dump();
  CR_ASSIGN_OR_RETURN(std::string text, json.String("id"));
  if (text.empty()) return json.Error("id", "is empty; expected a name unique in the file");
  return text;
}

absl::Status ReadDialogueColumns(const JsonRow& json,
                                 const text::LineFormat& format,
                                 DialogueRow* row) {
  row->turns_kind = TurnsKind::kDialogue;
  CR_ASSIGN_OR_RETURN(row->id, ReadId(json));
  CR_ASSIGN_OR_RETURN(row->turns, ReadTurns(json, "context", "text"));
  CR_ASSIGN_OR_RETURN(row->ground_truth, rows::ReadItems(json, "groundtruth", format));
  if (row->ground_truth.empty()) {
    return json.Error("groundtruth", "is empty; expected at least one item");
  }
  CR_ASSIGN_OR_RETURN(row->completion, OptionalText(json, "completion"));
  return absl::OkStatus();
}

absl::Status ReadChatColumns(const JsonRow& json,
                             int line,
                             const text::LineFormat& format,
                             DialogueRow* row,
                             DialogueRows* result) {
  row->turns_kind = TurnsKind::kChat;
  row->id = absl::StrCat(line);
  if (json.Has("id")) {
    CR_ASSIGN_OR_RETURN(row->id, ReadId(json));
  }
  CR_ASSIGN_OR_RETURN(row->turns, ReadTurns(json, "prompt", "content"));
  if (!format.is_dated() && json.Has("groundtruth")) {
    CR_ASSIGN_OR_RETURN(row->ground_truth, rows::ReadItems(json, "groundtruth", format));
    if (row->ground_truth.empty())
      return json.Error("groundtruth", "is empty; expected at least one item");
  } else {
    CR_RETURN_IF_ERROR(ReadTruthPairs(json, format, row, result));
  }
  if (!json.Has("completion")) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const std::vector<domain::Turn> answer,
                      ReadTurns(json, "completion", "content"));
  if (answer.size() != 1 || answer.front().role != "assistant") {
    return json.Error("completion", "has other turns; expected one turn of the assistant");
  }
  row->completion = answer.front().text;
  return absl::OkStatus();
}

absl::StatusOr<DialogueRow> ReadRow(const JsonRow& json,
                                    int line,
                                    const text::LineFormat& format,
                                    DialogueRows* result) {
  DialogueRow row;
  const bool is_dialogue = json.Has("context");
  if (is_dialogue == json.Has("prompt")) {
    return json.Error("context",
                      is_dialogue
                          ? "stands beside \"prompt\"; expected one of the two"
                          : "is missing; expected \"context\" or \"prompt\" with the turns");
  }
  CR_RETURN_IF_ERROR(is_dialogue ? ReadDialogueColumns(json, format, &row)
                                 : ReadChatColumns(json, line, format, &row, result));
  if (json.Has("seen_titles")) {
    CR_ASSIGN_OR_RETURN(row.seen_titles, json.Strings("seen_titles"));
  }
  CR_ASSIGN_OR_RETURN(row.teacher, OptionalText(json, "teacher"));
  return row;
}

}  // namespace

std::optional<int> YearOf(const Json& value) {
  return value.is_string() ? rows::WholeNumberIn(value.get<std::string>())
                           : rows::WholeNumber(value);
}

std::vector<std::vector<std::string>> DialogueFields() {
  return {{"id"},
          {"context", "prompt"},
          {"groundtruth", "groundtruth_with_release_year"},
          {"seen_titles"},
          {"completion"},
          {"teacher"}};
}

absl::StatusOr<DialogueRows> ReadDialogues(const std::string& path,
                                           const RowRange& range,
                                           const text::LineFormat& format) {
  DialogueRows result;
  rows::KnownFields fields(DialogueFields());
  absl::flat_hash_map<std::string, int> line_of_id;
  int64_t num_rows = 0;
  const auto is_wanted = [&](int64_t index) {
    ++num_rows;
    return index >= range.skip && (range.take == 0 || index - range.skip < range.take);
  };
  bool is_malformed = true;  // Rather than one that stands twice.
  bool is_chat = false;
  const auto visit = [&](const JsonRow& json, int line) -> absl::Status {
    CR_RETURN_IF_ERROR(fields.Check(json));
    is_chat = json.Has("prompt") && !json.Has("context");
    CR_ASSIGN_OR_RETURN(DialogueRow row, ReadRow(json, line, format, &result));
    const auto [it, is_new] = line_of_id.emplace(row.id, line);
    if (!is_new) {
      is_malformed = false;
      return json.Error(
          "id",
          absl::StrCat("repeats \"", row.id, "\" of line ", it->second, "; expected each id once"));
    }
    result.rows.push_back(std::move(row));
    return absl::OkStatus();
  };
  const absl::Status status = rows::ForEachJsonRow(path, is_wanted, visit);
  if (!is_malformed) return status;
  CR_RETURN_IF_ERROR(rows::WithSampleRow(status, is_chat ? kSampleChat : kSampleDialogue));
  result.num_rows_of_unknown_field = fields.num_rows_of_unknown();
  if (result.rows.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path,
                                                   ": has ",
                                                   num_rows,
                                                   num_rows == 1 ? " row" : " rows",
                                                   ", none after skipping ",
                                                   range.skip,
                                                   "; expected at least one"));
  }
  return result;
}

}  // namespace convrec::data
