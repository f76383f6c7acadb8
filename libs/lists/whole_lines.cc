#include "libs/lists/whole_lines.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "libs/domain/year.h"
#include "libs/lists/line_grammar.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {
namespace {

// Formatting is looked for over so many bytes at each end of a line.
constexpr size_t kMaxFormattingBytes = 64;

using Offsets = absl::InlinedVector<size_t, 8>;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
struct CodePoint {
  char32_t value = 0;
  size_t end = 0;  // Or where it begins, read backwards.
};

CodePoint CodePointAt(std::string_view text, size_t begin) {
  UChar32 c;
  size_t i = begin;
  U8_NEXT_OR_FFFD(text.data(), i, text.size(), c);
  return {static_cast<char32_t>(c), i};
}

CodePoint CodePointBefore(std::string_view text, size_t end) {
  const size_t begin = end > U8_MAX_LENGTH ? end - U8_MAX_LENGTH : 0;
  UChar32 c;
  int32_t i = static_cast<int32_t>(end - begin);
  U8_PREV_OR_FFFD(text.data() + begin, 0, i, c);
  return {static_cast<char32_t>(c), begin + static_cast<size_t>(i)};
}
#pragma GCC diagnostic pop

bool IsSpaceMarkOrQuote(char32_t c) {
  return grammar::IsSpaceIn(c) || grammar::IsMark(c) || c == U'"' || c == U'\'';
}

// Behind "3." or "12 -" and the space after it; `begin` when no such number stands there.
size_t EndOfNumber(std::string_view text, size_t begin) {
  size_t i = begin;
  const auto skip = [&](auto predicate) {
    const size_t start = i;
    while (i < text.size()) {
      const CodePoint next = CodePointAt(text, i);
      if (!predicate(next.value)) break;
      i = next.end;
    }
    return i > start;
  };
  if (!skip([](char32_t c) { return grammar::DigitIn(c).has_value(); })) return begin;
  skip([](char32_t c) { return grammar::IsSpaceIn(c); });
  if (i == text.size()) return begin;
  const CodePoint separator = CodePointAt(text, i);
  if (!grammar::IsNumberSeparator(separator.value) || separator.end == text.size()) return begin;
  const CodePoint space = CodePointAt(text, separator.end);
  return grammar::IsSpaceIn(space.value) ? space.end : begin;
}

// Where a name may begin: nothing but formatting stands before.
Offsets Begins(std::string_view line) {
  Offsets begins = {0};
  size_t i = 0;
  while (i < line.size() && i < kMaxFormattingBytes) {
    const CodePoint c = CodePointAt(line, i);
    const size_t next = IsSpaceMarkOrQuote(c.value) ? c.end : EndOfNumber(line, i);
    if (next == i) break;
    begins.push_back(i = next);
  }
  return begins;
}

// Where it may end.
Offsets Ends(std::string_view line) {
  Offsets ends = {line.size()};
  size_t i = line.size();
  while (i > 0 && line.size() - i < kMaxFormattingBytes) {
    const CodePoint c = CodePointBefore(line, i);
    if (!IsSpaceMarkOrQuote(c.value)) break;
    ends.push_back(i = c.end);
  }
  return ends;
}

std::string Folded(std::string_view line) {
  return text::EncodeUtf8(text::FoldSpaces(text::DecodeUtf8(line)));
}

}  // namespace

std::optional<std::string_view> WholeLines::Find(std::string_view name) const {
  const catalog::CatalogImage& image = catalog_->image();
  const uint64_t hash = catalog::HashName(catalog::HashText(name), domain::kNoYear);
  const uint32_t found = image.FindName(name, domain::kNoYear, hash);
  if (found == catalog::kNoName) return std::nullopt;
  return image.text(found);
}

std::optional<std::string_view> WholeLines::FindWithin(std::string_view line) const {
  if (const auto name = Find(line)) return name;
  const Offsets begins = Begins(line), ends = Ends(line);
  if (begins.size() == 1 && ends.size() == 1) return std::nullopt;
  // The least cleaned one first; of two the one that keeps its end.
  absl::InlinedVector<std::tuple<size_t, size_t, size_t>, 16>
      places;  // Bytes left out, begin, end.
  for (const size_t begin : begins) {
    for (const size_t end : ends) {
      if (begin < end) places.emplace_back(begin + line.size() - end, line.size() - begin, end);
    }
  }
  std::sort(places.begin(), places.end());
  for (const auto& [left_out, size, end] : places) {
    const size_t begin = line.size() - size;
    if (left_out == 0) continue;
    if (const auto name = Find(line.substr(begin, end - begin))) return name;
  }
  return std::nullopt;
}

std::optional<std::string_view> WholeLines::NameIn(std::string_view line) const {
  std::string scratch;
  line = catalog_->InForm(line, &scratch);
  if (const auto name = FindWithin(line)) return name;
  const std::string folded = Folded(line);
  return folded == line ? std::nullopt : FindWithin(folded);
}

std::optional<std::string> WholeLines::Clean(std::string_view line) const {
  const std::u32string decoded = text::DecodeUtf8(Folded(line));
  std::u32string_view text = decoded;
  for (size_t size = text.size() + 1; text.size() != size;) {
    size = text.size();
    text = grammar::Unquote(grammar::Unformat(text));
  }
  std::string cleaned = text::EncodeUtf8(text);
  if (!catalog_->line_format().Fits(cleaned)) return std::nullopt;
  return cleaned;
}

std::vector<size_t> WholeLines::NotReadBack(ListStyle style, int num_ranks) const {
  std::vector<size_t> items;
  if (style != ListStyle::kNumbered) return items;
  const catalog::CatalogImage& image = catalog_->image();
  for (uint32_t name = 0; name < image.num_names(); ++name) {
    const auto numbering = NumberingOf(image.text(name));
    if (!numbering || numbering->number < 1 || numbering->number > num_ranks) continue;
    const std::string rest(image.text(name).substr(numbering->end));
    const std::optional<size_t> item = catalog_->IndexOf({rest, domain::kNoYear});
    // An alias leads to its item all the same.
    if (item && *item != image.item_of_name(name) && catalog_->title(*item) == rest)
      items.push_back(*item);
  }
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

std::optional<Numbering> NumberingOf(std::string_view text) {
  Numbering numbering;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), numbering.number);
  if (error != std::errc()) return std::nullopt;
  const std::string written = absl::StrCat(numbering.number, ". ");
  if (!text.starts_with(written)) return std::nullopt;
  numbering.end = written.size();
  return numbering;
}

}  // namespace convrec::lists
