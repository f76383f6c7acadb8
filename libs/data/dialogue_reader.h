// Reads data sets in JSON lines. Each row has either our own columns or those of the published data
// sets:
//
//   {"id": "r1", "context": [{"role": "user", "text": "..."}], "seen_titles": ["Heat"],
//    "groundtruth": [{"title": "Alien", "year": 1979}], "completion": "...", "teacher": "..."}
//   {"prompt": [{"role": "user", "content": "..."}], "completion": [{"role": "assistant",
//   "content":
//    "..."}], "groundtruth_with_release_year": [["Alien", 1979]], "seen_titles": ["Heat"]}
//
// "completion", "teacher" and "seen_titles" may be missing; so may "id" in the second form, where
// the line number takes its place. In that form a year may be a string, and a ground truth whose
// year is not a number is left out and counted, as in the reference. Roles are "system", "user",
// "assistant". A field that looks like a misspelling of one of these is an error; others are
// counted.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/data/dialogue_row.h"
#include "libs/text/line_format.h"

namespace convrec::data {

// One row of each form, as messages about malformed rows show it; of supervised fine-tuning's, the
// first has "completion" too.
inline constexpr char kSampleDialogue[] =
    R"({"id": "r1", "context": [{"role": "user", "text": "I like Heat."}], )"
    R"("seen_titles": ["Heat"], "groundtruth": [{"title": "Alien", "year": 1979}]})";
inline constexpr char kSampleChat[] =
    R"({"prompt": [{"role": "user", "content": "I like Heat."}], )"
    R"("groundtruth_with_release_year": [["Alien", 1979]]})";

struct RowRange {
  int skip = 0;  // Rows left out at the start; >= 0.
  int take = 0;  // At most this many rows after those; 0 = all.
};

struct DialogueRows {
  std::vector<DialogueRow> rows;    // In file order; at least one.
  int num_truths_without_year = 0;  // Ground truths left out.
  std::string first_without_year;   // Where the first of them stands: "rows.jsonl:3: "Alien"".
  std::map<std::string, int> num_rows_of_unknown_field;  // Fields that nothing reads.
};

// A year of [title, year]: a whole number, or a text that is one.
std::optional<int> YearOf(const nlohmann::json& value);

// The fields of a row, those that exclude each other in one group.
std::vector<std::vector<std::string>> DialogueFields();

// Ground truths are items as `format` writes them: by another format than "{title} ({year})" the
// objects of "groundtruth" have its fields, or are texts that are the lines, and pairs of the
// published form are no truths. Rows outside `range` are not checked. NotFound without the file;
// InvalidArgument naming file, line, field and what was expected for a bad row, a repeated id, an
// empty ground truth, or no row.
absl::StatusOr<DialogueRows> ReadDialogues(const std::string& path,
                                           const RowRange& range,
                                           const text::LineFormat& format = {});

}  // namespace convrec::data
