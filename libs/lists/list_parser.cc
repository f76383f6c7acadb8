#include "libs/lists/list_parser.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/lists/line_grammar.h"
#include "libs/lists/list_reader.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {

std::vector<domain::Item> RankedList::Items() const {
  std::vector<domain::Item> items;
  for (const RankedEntry& entry : entries) {
    if (entry.status == LineStatus::kOk) items.push_back(entry.item);
  }
  return items;
}

std::optional<domain::Item> ParseLine(std::string_view line) {
  ListReader reader;
  const ListLine read = reader.ReadLine(line);
  if (read.status == LineStatus::kMalformed) return std::nullopt;
  return domain::Item{std::string(read.title), read.year};
}

RankedList ParseList(std::string_view text, RankCounting counting, const OddTitles* odd_titles) {
  ListReader reader(odd_titles);
  RankedList list;
  for (const ListLine& line : reader.Read(text, counting)) {
    list.entries.push_back({.rank = static_cast<int>(list.entries.size()),
                            .item = {std::string(line.title), line.year},
                            .source_line = line.source_line,
                            .status = line.status});
  }
  list.num_lines = reader.num_lines();
  return list;
}

std::string WhyMalformed(std::string_view line) {
  if (ParseLine(line)) return "";
  std::u32string folded;
  grammar::FoldSpacesInto(std::u32string_view(text::DecodeUtf8(line)), &folded);
  const std::u32string_view text = grammar::Unquote(grammar::Unformat(std::u32string_view(folded)));
  if (text.empty()) return "nothing is left once numbering, marks and quotes are taken off";
  const auto digits_at = [&text](size_t begin) {
    return grammar::RunLength(
        text, begin, [](char32_t c) { return text::DigitValue(c).has_value(); });
  };
  bool has_number = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != U'(') {
      const size_t num_digits = digits_at(i);
      has_number = has_number || num_digits == 4;
      if (num_digits > 0) i += num_digits - 1;
      continue;
    }
    if (grammar::ParenthesisedYear(text, i)) {
      return i < 2 ? "no title stands before the year" : "no space stands before the year";
    }
    const size_t num_digits = digits_at(i + 1);
    if (num_digits == 0) continue;
    const bool is_closed = i + 1 + num_digits < text.size() && text[i + 1 + num_digits] == U')';
    if (is_closed) return "the year has not four digits";
    if (num_digits == 4) return "the parenthesis behind the year does not close at once";
  }
  return has_number ? "the year does not stand in parentheses" : "there is no year";
}

std::string WhyMalformed(std::string_view line, const text::LineFormat& format) {
  if (format.is_dated()) return WhyMalformed(line);
  return absl::StrCat("the line is not of the form \"", format.text(), "\"");
}

}  // namespace convrec::lists
