// Lists to be scored, from a file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/item.h"

namespace convrec::cli {

struct ListToScore {
  std::string where;  // "lists.jsonl:3", or the file for a list that is all of it.
  std::string id;     // As in the file; may be empty.
  std::string text;
  std::vector<domain::Item> ground_truth = {};
  std::vector<std::string> seen_titles = {};
};

// JSON lines when the first character is "{": {"text": "...", optional "id", "groundtruth":
// [{"title", "year"}] or [[title, year]], "seen_titles": [text]}; "completion" may stand for
// "text". Otherwise the whole file is one list. InvalidArgument naming file, line and field, and
// for no list.
absl::StatusOr<std::vector<ListToScore>> ReadLists(const std::string& path);

// Gives the lists their ground truth and seen titles from another file: JSON lines with
// "groundtruth" and "seen_titles", one per list, or a text with one "Title (Year)" per line that
// holds for all lists. InvalidArgument too when the numbers differ.
absl::Status ReadTruths(const std::string& path, std::vector<ListToScore>* lists);

}  // namespace convrec::cli
