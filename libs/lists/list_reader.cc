#include "libs/lists/list_reader.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <functional>

#include "libs/lists/line_grammar.h"
#include "libs/lists/odd_titles.h"
#include "libs/lists/thoughts.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {
namespace {

// The properties of a text's bytes that decide how it is read.
struct ByteTraits {
  bool is_ascii;
  bool is_folded;  // No control character but "\n", no two adjacent spaces.
};

// One pass without branches, which the compiler turns into vector instructions.
ByteTraits TraitsOf(std::string_view text) {
  uint8_t high = 0;
  uint8_t odd = 0;
  const size_t size = text.size();
  const char* const bytes = text.data();
  for (size_t i = 0; i + 1 < size; ++i) {
    const uint8_t c = static_cast<uint8_t>(bytes[i]);
    const uint8_t next = static_cast<uint8_t>(bytes[i + 1]);
    const uint8_t is_control = static_cast<uint8_t>((c < 0x20) & (c != '\n'));
    const uint8_t is_double = static_cast<uint8_t>((c == ' ') & (next == ' '));
    high = static_cast<uint8_t>(high | c);
    odd = static_cast<uint8_t>(odd | is_control | is_double);
  }
  if (size > 0) {
    const uint8_t last = static_cast<uint8_t>(bytes[size - 1]);
    high = static_cast<uint8_t>(high | last);
    odd = static_cast<uint8_t>(odd | ((last < 0x20) & (last != '\n')));
  }
  return {high < 0x80, odd == 0};
}

bool IsInside(std::string_view part, std::string_view whole) {
  return std::less_equal<>()(whole.data(), part.data()) &&
         std::less_equal<>()(part.data() + part.size(), whole.data() + whole.size());
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
bool IsReadByBytes(std::string_view line) {
  const char* const data = line.data();
  const size_t size = line.size();
  size_t offset = 0;
  while (offset < size) {
    if (static_cast<signed char>(data[offset]) >= 0) {
      ++offset;
      continue;
    }
    UChar32 c;
    U8_NEXT(data, offset, size, c);
    if (c < 0) return false;
    if (c >= 0xC0 && c < 0x250) continue;  // Latin letters.
    const char32_t code_point = static_cast<char32_t>(c);
    if (text::IsSpace(code_point) || grammar::IsWideSeparator(code_point) ||
        text::DigitValue(code_point))
      return false;
  }
  return true;
}
#pragma GCC diagnostic pop

ListReader::ListReader(const OddTitles* odd_titles) {
  if (odd_titles == nullptr || odd_titles->empty()) return;
  whole_lines_ = odd_titles->whole_lines();
  if (whole_lines_ == nullptr) odd_titles_ = odd_titles;
}

std::string_view ListReader::Keep(std::string_view text) {
  if (num_kept_ == kept_.size()) kept_.emplace_back();
  std::string& kept = kept_[num_kept_++];
  kept.assign(text);
  return kept;
}

bool ListReader::ReadBytes(std::string_view folded, std::string_view whole, ListLine* result) {
  const auto split = grammar::SplitLine(folded);
  if (!split) return false;
  const std::string_view title = grammar::CleanTitle(split->title, &cleaned_);
  result->title = IsInside(title, whole) ? title : Keep(title);
  result->year = split->year;
  return true;
}

bool ListReader::ReadCodePoints(std::string_view line, ListLine* result) {
  std::u32string folded;
  grammar::FoldSpacesInto(std::u32string_view(text::DecodeUtf8(line)), &folded);
  const auto split = grammar::SplitLine(std::u32string_view(folded));
  if (!split) return false;
  std::u32string cleaned;
  result->title = Keep(text::EncodeUtf8(grammar::CleanTitle(split->title, &cleaned)));
  result->year = split->year;
  return true;
}

bool ListReader::ReadInto(std::string_view line, Shape shape, ListLine* result) {
  if (whole_lines_ != nullptr) return ReadWhole(line, result);
  if (shape == Shape::kPlain) return ReadBytes(line, line, result);
  line = grammar::TrimIn(line);
  const ByteTraits traits = TraitsOf(line);
  if (!traits.is_ascii && !IsReadByBytes(line)) return ReadCodePoints(line, result);
  if (traits.is_folded && line.find('\n') == std::string_view::npos)
    return ReadBytes(line, line, result);
  grammar::FoldSpacesInto(line, &folded_);
  return ReadBytes(folded_, line, result);
}

bool ListReader::ReadWhole(std::string_view line, ListLine* result) {
  if (const auto name = whole_lines_->NameIn(line)) {
    result->title = *name;
    return true;
  }
  const std::optional<std::string> cleaned = whole_lines_->Clean(line);
  if (cleaned) result->title = Keep(*cleaned);
  return cleaned.has_value();
}

void ListReader::ReadOddTitle(std::string_view line, ListLine* result) const {
  if (!odd_titles_->MayName(result->title, result->year)) return;
  const auto name = odd_titles_->Find(line, result->title, result->year);
  if (!name) return;
  result->title = name->title;
  result->year = name->year;
  result->status = LineStatus::kOk;
}

std::span<const ListLine> ListReader::Read(std::string_view text, RankCounting counting) {
  lines_.clear();
  num_lines_ = 0;
  num_kept_ = 0;
  const ByteTraits traits = TraitsOf(text);
  const Shape shape = traits.is_ascii && traits.is_folded ? Shape::kPlain : Shape::kUnknown;
  size_t begin = counting == RankCounting::kByLine ? EndOfThoughts(text) : 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    ListLine result;
    result.begin = begin;
    result.end = end;
    begin = end + 1;
    if (text::IsBlank(line)) continue;
    result.source_line = num_lines_++;
    if (ReadInto(line, shape, &result)) {
      result.status = LineStatus::kOk;
    } else if (counting == RankCounting::kReference) {
      continue;
    }
    lines_.push_back(result);
  }
  if (odd_titles_ != nullptr) {
    for (ListLine& line : lines_)
      ReadOddTitle(text.substr(line.begin, line.end - line.begin), &line);
  }
  return lines_;
}

ListLine ListReader::ReadLine(std::string_view line) {
  num_kept_ = 0;
  ListLine result;
  result.end = line.size();
  if (ReadInto(line, Shape::kUnknown, &result)) result.status = LineStatus::kOk;
  if (odd_titles_ != nullptr) ReadOddTitle(line, &result);
  return result;
}

}  // namespace convrec::lists
