// How a line of a list is read (README.md, "How a line is read"), on code points or on bytes.
//
// Bytes give the same result when no code point beyond ASCII takes part in the grammar; see
// IsReadByBytes(). Used by list_reader.cc only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libs/text/unicode_text.h"

namespace convrec::lists::grammar {

template <typename Char>
using Text = std::basic_string_view<Char>;

inline bool IsSpaceIn(char c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c < 0x20);
}
inline bool IsSpaceIn(char32_t c) { return text::IsSpace(c); }

inline std::optional<int> DigitIn(char c) {
  if (c < '0' || c > '9') return std::nullopt;
  return c - '0';
}
inline std::optional<int> DigitIn(char32_t c) { return text::DigitValue(c); }

template <typename Char>
bool IsMark(Char c) {
  return c == Char{'*'} || c == Char{'_'} || c == Char{'-'} || c == Char{'#'};
}

// In addition to ASCII: ideographic comma, em dash, en dash.
inline bool IsWideSeparator(char32_t c) { return c == 0x3001 || c == 0x2014 || c == 0x2013; }

template <typename Char>
bool IsNumberSeparator(Char c) {
  if (c == Char{'.'} || c == Char{')'} || c == Char{'-'}) return true;
  if constexpr (sizeof(Char) > 1) return IsWideSeparator(c);
  return false;
}

template <typename Char, typename Predicate>
size_t RunLength(Text<Char> text, size_t begin, Predicate predicate) {
  size_t end = begin;
  while (end < text.size() && predicate(text[end])) ++end;
  return end - begin;
}

template <typename Char>
size_t SpacesAt(Text<Char> text, size_t begin) {
  return RunLength(text, begin, [](Char c) { return IsSpaceIn(c); });
}

template <typename Char>
Text<Char> TrimIn(Text<Char> text) {
  while (!text.empty() && IsSpaceIn(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpaceIn(text.back())) text.remove_suffix(1);
  return text;
}

// Trimmed, each run of whitespace replaced by one space.
template <typename Char>
void FoldSpacesInto(Text<Char> text, std::basic_string<Char>* folded) {
  folded->clear();
  for (const Char c : TrimIn(text)) {
    if (!IsSpaceIn(c)) {
      folded->push_back(c);
    } else if (folded->back() != Char{' '}) {  // Trimmed text starts with another character.
      folded->push_back(Char{' '});
    }
  }
}

template <typename Char>
Text<Char> WithoutMarks(Text<Char> text) {
  while (!text.empty() && IsMark(text.front())) text.remove_prefix(1);
  text = TrimIn(text);
  while (!text.empty() && IsMark(text.back())) text.remove_suffix(1);
  return TrimIn(text);
}

// Drops one bullet ("- ") or number ("12. ", "3) ", "4 - "); whitespace must follow it.
template <typename Char>
Text<Char> WithoutBulletOrNumber(Text<Char> text) {
  size_t end = RunLength(text, 0, [](Char c) { return IsMark(c); });
  if (end == 0) {
    end = RunLength(text, 0, [](Char c) { return DigitIn(c).has_value(); });
    if (end == 0) return text;
    end += SpacesAt(text, end);
    if (end == text.size() || !IsNumberSeparator(text[end])) return text;
    ++end;
  }
  const size_t num_spaces = SpacesAt(text, end);
  if (num_spaces == 0) return text;
  text.remove_prefix(end + num_spaces);
  return text;
}

template <typename Char>
Text<Char> WithoutHeading(Text<Char> text) {
  const size_t num_hashes = RunLength(text, 0, [](Char c) { return c == Char{'#'}; });
  if (num_hashes == 0) return text;
  text.remove_prefix(num_hashes + SpacesAt(text, num_hashes));
  return text;
}

// Removes Markdown and numbering from both ends until nothing changes.
template <typename Char>
Text<Char> Unformat(Text<Char> text) {
  text = TrimIn(text);
  while (true) {
    const size_t size_before = text.size();
    text = WithoutMarks(text);
    text = TrimIn(WithoutBulletOrNumber(text));
    text = WithoutHeading(text);
    if (text.size() == size_before) return text;  // Every operation only removes.
  }
}

// Removes one pair of straight quotes from both ends; a lone quote becomes "".
template <typename Char>
Text<Char> Unquote(Text<Char> text) {
  for (const Char quote : {Char{'"'}, Char{'\''}}) {
    if (text.empty() || text.front() != quote || text.back() != quote) continue;
    return text.size() == 1 ? Text<Char>() : text.substr(1, text.size() - 2);
  }
  return text;
}

// Deletes each "(...)" that holds no parenthesis.
template <typename Char>
void UnparenInto(Text<Char> text, std::basic_string<Char>* result) {
  result->clear();
  size_t open = Text<Char>::npos;  // In `result`: the last "(" not closed yet.
  for (const Char c : TrimIn(text)) {
    if (c == Char{')'} && open != Text<Char>::npos) {
      result->resize(open);
      open = Text<Char>::npos;
      continue;
    }
    if (c == Char{'('}) open = result->size();
    result->push_back(c);
  }
}

template <typename Char>
bool HasParenthesised(Text<Char> text) {
  const size_t open = text.find(Char{'('});
  return open != Text<Char>::npos && text.find(Char{')'}, open) != Text<Char>::npos;
}

// unquote(unformat(fold(unparen(title)))) until it stays the same. `title` has its whitespace
// folded; the result is a part of it or of `*scratch`.
template <typename Char>
Text<Char> CleanTitle(Text<Char> title, std::basic_string<Char>* scratch) {
  if (HasParenthesised(title)) {
    std::basic_string<Char> without;
    std::basic_string<Char> before(title);
    do {
      UnparenInto(Text<Char>(before), &without);
      FoldSpacesInto(Text<Char>(without), scratch);
      title = Unquote(Unformat(Text<Char>(*scratch)));
      if (title == before) return title;
      before.assign(title);
    } while (HasParenthesised(title));
  }
  // Without parentheses every operation only shortens the ends.
  while (true) {
    const Text<Char> cleaned = Unquote(Unformat(title));
    if (cleaned.size() == title.size()) return cleaned;
    title = cleaned;
  }
}

// The year of "(dddd)" at `begin`.
template <typename Char>
std::optional<int> ParenthesisedYear(Text<Char> text, size_t begin) {
  if (begin + 6 > text.size() || text[begin] != Char{'('} || text[begin + 5] != Char{')'})
    return std::nullopt;
  int year = 0;
  for (size_t i = begin + 1; i < begin + 5; ++i) {
    const std::optional<int> digit = DigitIn(text[i]);
    if (!digit) return std::nullopt;
    year = year * 10 + *digit;
  }
  return year;
}

template <typename Char>
struct TitleAndYear {
  Text<Char> title;  // Not cleaned yet.
  int year = 0;
};

// Splits a line with folded whitespace at the first parenthesised year that follows a space with
// something before it.
template <typename Char>
std::optional<TitleAndYear<Char>> SplitLine(Text<Char> folded) {
  const Text<Char> line = Unquote(Unformat(folded));
  for (size_t open = line.find(Char{'('}, 2); open != Text<Char>::npos;
       open = line.find(Char{'('}, open + 1)) {
    if (line[open - 1] != Char{' '}) continue;
    const std::optional<int> year = ParenthesisedYear(line, open);
    if (year) return TitleAndYear<Char>{line.substr(0, open - 1), *year};
  }
  return std::nullopt;
}

}  // namespace convrec::lists::grammar
