#include "libs/catalog/list_parser.h"

#include <utility>

#include "libs/catalog/unicode_text.h"

namespace convrec::catalog {
namespace {

using Text = std::u32string_view;

bool IsMark(char32_t c) { return c == U'*' || c == U'_' || c == U'-' || c == U'#'; }

bool IsNumberSeparator(char32_t c) {
  return c == U'.' || c == U')' || c == U'\u3001' || c == U'-' || c == U'\u2014' || c == U'\u2013';
}

template <typename Predicate>
size_t RunLength(Text text, size_t begin, Predicate predicate) {
  size_t end = begin;
  while (end < text.size() && predicate(text[end])) ++end;
  return end - begin;
}

bool IsDigit(char32_t c) { return DigitValue(c).has_value(); }

Text WithoutLeadingMarks(Text text) {
  text.remove_prefix(RunLength(text, 0, IsMark));
  return text;
}

Text WithoutTrailingMarks(Text text) {
  while (!text.empty() && IsMark(text.back())) text.remove_suffix(1);
  return text;
}

// Drops one bullet ("- ") or number ("12. ", "3) ", "4 - "); whitespace must follow it.
Text WithoutBulletOrNumber(Text text) {
  size_t end = RunLength(text, 0, IsMark);
  if (end == 0) {
    end = RunLength(text, 0, IsDigit);
    if (end == 0) return text;
    end += RunLength(text, end, IsSpace);
    if (end == text.size() || !IsNumberSeparator(text[end])) return text;
    ++end;
  }
  const size_t num_spaces = RunLength(text, end, IsSpace);
  if (num_spaces == 0) return text;
  text.remove_prefix(end + num_spaces);
  return text;
}

Text WithoutHeading(Text text) {
  const size_t num_hashes = RunLength(text, 0, [](char32_t c) { return c == U'#'; });
  if (num_hashes == 0) return text;
  text.remove_prefix(num_hashes + RunLength(text, num_hashes, IsSpace));
  return text;
}

// Markdown and numbering off both ends, until nothing changes.
Text Unformat(Text text) {
  text = Trim(text);
  while (true) {
    const size_t size_before = text.size();
    text = Trim(WithoutLeadingMarks(text));
    text = Trim(WithoutTrailingMarks(text));
    text = Trim(WithoutBulletOrNumber(text));
    text = WithoutHeading(text);
    if (text.size() == size_before) return text;  // Every operation only removes.
  }
}

// One pair of straight quotes off both ends; a lone quote becomes "".
Text Unquote(Text text) {
  for (const char32_t quote : {U'"', U'\''}) {
    if (text.empty() || text.front() != quote || text.back() != quote) continue;
    return text.size() == 1 ? Text() : text.substr(1, text.size() - 2);
  }
  return text;
}

// Deletes each "(...)" that holds no parenthesis.
std::u32string Unparen(Text text) {
  text = Trim(text);
  std::u32string result;
  size_t open = Text::npos;  // In `result`: the last "(" not closed yet.
  for (const char32_t c : text) {
    if (c == U')' && open != Text::npos) {
      result.resize(open);
      open = Text::npos;
      continue;
    }
    if (c == U'(') open = result.size();
    result.push_back(c);
  }
  return result;
}

std::u32string CleanTitle(std::u32string title) {
  while (true) {
    const std::u32string folded = FoldSpaces(Unparen(title));
    const Text cleaned = Unquote(Unformat(folded));
    if (cleaned == title) return title;
    title = std::u32string(cleaned);
  }
}

// The year of "(dddd)" at `begin`.
std::optional<int> ParenthesisedYear(Text text, size_t begin) {
  if (begin + 6 > text.size() || text[begin] != U'(' || text[begin + 5] != U')')
    return std::nullopt;
  int year = 0;
  for (size_t i = begin + 1; i < begin + 5; ++i) {
    const std::optional<int> digit = DigitValue(text[i]);
    if (!digit) return std::nullopt;
    year = year * 10 + *digit;
  }
  return year;
}

std::optional<domain::Item> ParseDecodedLine(Text raw_line) {
  const std::u32string folded = FoldSpaces(raw_line);
  const Text line = Unquote(Unformat(folded));
  // The first parenthesised year that whitespace, and something before that, precede.
  for (size_t title_end = 1; title_end < line.size(); ++title_end) {
    const size_t num_spaces = RunLength(line, title_end, IsSpace);
    if (num_spaces == 0) continue;
    const std::optional<int> year = ParenthesisedYear(line, title_end + num_spaces);
    if (!year) continue;
    std::u32string title = CleanTitle(std::u32string(line.substr(0, title_end)));
    return domain::Item{EncodeUtf8(title), *year};
  }
  return std::nullopt;
}

}  // namespace

std::vector<domain::Item> RankedList::Items() const {
  std::vector<domain::Item> items;
  for (const RankedEntry& entry : entries) {
    if (entry.status == LineStatus::kOk) items.push_back(entry.item);
  }
  return items;
}

std::optional<domain::Item> ParseLine(std::string_view line) {
  return ParseDecodedLine(DecodeUtf8(line));
}

RankedList ParseList(std::string_view text, RankCounting counting) {
  const std::u32string decoded = DecodeUtf8(text);
  RankedList list;
  size_t begin = 0;
  while (begin < decoded.size()) {
    const size_t end = std::min(decoded.find(U'\n', begin), decoded.size());
    const Text line = Text(decoded).substr(begin, end - begin);
    begin = end + 1;
    if (Trim(line).empty()) continue;
    const int source_line = list.num_lines++;
    std::optional<domain::Item> item = ParseDecodedLine(line);
    if (!item && counting == RankCounting::kReference) continue;
    RankedEntry entry;
    entry.rank = static_cast<int>(list.entries.size());
    entry.source_line = source_line;
    entry.status = item ? LineStatus::kOk : LineStatus::kMalformed;
    if (item) entry.item = *std::move(item);
    list.entries.push_back(std::move(entry));
  }
  return list;
}

}  // namespace convrec::catalog
