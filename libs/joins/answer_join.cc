#include "libs/joins/answer_join.h"

#include "absl/strings/str_cat.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/odd_titles.h"

namespace convrec::joins {

AnswerJoin JoinAnswers(const catalog::Catalog& catalog,
                       const std::vector<data::DialogueRow>& rows,
                       const ListRules& rules) {
  const lists::OddTitles odd_titles(catalog);
  lists::ListReader reader(rules.counting == lists::RankCounting::kByLine ? &odd_titles : nullptr);
  AnswerJoin join;
  for (const data::DialogueRow& row : rows) {
    // Lines that do not parse count too, whatever the reference does with them.
    for (const lists::ListLine& line : reader.Read(row.completion, lists::RankCounting::kByLine)) {
      ++join.num_lines;
      const bool is_named = line.status == lists::LineStatus::kOk &&
                            catalog.Contains({std::string(line.title), line.year});
      join.num_named += is_named;
      if (is_named || !join.first_fault.empty()) continue;
      join.first_fault = absl::StrCat(
          "row ",
          row.id,
          ", line ",
          line.source_line + 1,
          ", \"",
          row.completion.substr(line.begin, line.end - line.begin),
          "\"",
          line.status == lists::LineStatus::kOk ? "" : ", which is not read as an item");
    }
  }
  return join;
}

std::string DescribeAnswers(const AnswerJoin& join) {
  if (join.num_named == join.num_lines)
    return absl::StrCat("all ", join.num_lines, " lines of the answers name items of the catalog");
  return absl::StrCat(join.num_named,
                      " of ",
                      join.num_lines,
                      " lines of the answers name items of the catalog, first that does not: ",
                      join.first_fault);
}

}  // namespace convrec::joins
