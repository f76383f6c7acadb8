// Reads lists to be scored from a file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/item.h"
#include "libs/lists/odd_titles.h"
#include "libs/text/line_format.h"

namespace convrec::cli {

struct ListToScore {
  std::string where;  // "lists.jsonl:3", or the file name if the list is the whole file.
  std::string id;     // As in the file; may be empty.
  std::string text;
  std::vector<domain::Item> ground_truth = {};
  std::vector<std::string> seen_titles = {};
};

// JSON lines when the first character is "{": {"text": "...", optional "id", "groundtruth":
// [{"title", "year"}] or [[title, year]], "seen_titles": [text]}; "completion" may stand for
// "text", and rows of a data set (data/dialogue_reader.h) are read as they are. Otherwise the whole
// file is one list. Ground truths are items as `format` writes them (rows/item_rows.h).
// InvalidArgument naming file, line and field, for a misspelt field and for no
// list.
// `notes` gets a sentence for each kind of thing that has not been read.
absl::StatusOr<std::vector<ListToScore>> ReadLists(const std::string& path,
                                                   const text::LineFormat& format,
                                                   std::vector<std::string>* notes);

// Gives the lists their ground truth and seen titles from another file: JSON lines with
// "groundtruth" and "seen_titles", one per list, or a text with one item per line that
// holds for all lists. InvalidArgument too when the numbers differ.
// Lines are read with `odd_titles`, which may be null, as lists are.
absl::Status ReadTruths(const std::string& path,
                        const text::LineFormat& format,
                        const lists::OddTitles* odd_titles,
                        std::vector<ListToScore>* lists,
                        std::vector<std::string>* notes);

}  // namespace convrec::cli
