#include "libs/catalog/title_search.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <numeric>

#include "libs/base/check.h"
#include "libs/text/unicode_text.h"

namespace convrec::catalog {
namespace {

bool IsAsciiWordByte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Lower-case words of letters and digits, without accents.
std::vector<std::string> WordsOf(std::string_view title) {
  std::string key;
  text::MakeTitleKey(title, &key);
  std::vector<std::string> words;
  bool is_inside = false;
  const auto add = [&](std::string_view letter) {
    if (!is_inside) words.emplace_back();
    words.back().append(letter);
    is_inside = true;
  };
  if (text::IsAscii(key)) {
    for (const char& c : key) {
      if (IsAsciiWordByte(c)) {
        add({&c, 1});
      } else if (c != '\'') {  // "Schindler's" is one word.
        is_inside = false;
      }
    }
    return words;
  }
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* const decomposer = icu::Normalizer2::getNFKDInstance(error);
  icu::UnicodeString text = icu::UnicodeString::fromUTF8(key);
  if (U_SUCCESS(error)) text = decomposer->normalize(text, error);
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    if (u_isalnum(c)) {
      add(text::EncodeUtf8(std::u32string_view(reinterpret_cast<const char32_t*>(&c), 1)));
    } else if (u_charType(c) != U_NON_SPACING_MARK && c != '\'' && c != 0x2019) {
      is_inside = false;
    }
  }
  return words;
}

bool HaveSameDigits(std::string_view a, std::string_view b) {
  const auto digits_of = [](std::string_view text) {
    std::string digits;
    std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](char c) {
      return c >= '0' && c <= '9';
    });
    return digits;
  };
  return digits_of(a) == digits_of(b);
}

uint64_t LettersOf(std::string_view text) {
  uint64_t letters = 0;
  for (const char c : text) {
    const uint8_t byte = static_cast<uint8_t>(c);
    // a-z and 0-9 have their own bits; bytes beyond ASCII share the rest.
    const int bit = c >= 'a' && c <= 'z'   ? c - 'a'
                    : c >= '0' && c <= '9' ? 26 + (c - '0')
                                           : 36 + byte % 28;
    letters |= uint64_t{1} << bit;
  }
  return letters;
}

// Edits between byte strings, or anything above `limit` when there are more. Myers, "A fast
// bit-vector algorithm for approximate string matching", 1999, for up to 64 bytes; a table row by
// row otherwise.
class EditCounter final {
 public:
  explicit EditCounter(std::string_view pattern) : pattern_(pattern) {
    if (!IsShort()) return;
    for (size_t i = 0; i < pattern.size(); ++i)
      places_[static_cast<uint8_t>(pattern[i])] |= uint64_t{1} << i;
  }

  size_t Count(std::string_view text, size_t limit) {
    const size_t longer = std::max(text.size(), pattern_.size());
    const size_t shorter = std::min(text.size(), pattern_.size());
    if (longer - shorter > limit) return limit + 1;
    return IsShort() ? CountShort(text) : CountLong(text, limit);
  }

 private:
  bool IsShort() const { return !pattern_.empty() && pattern_.size() <= 64; }

  size_t CountShort(std::string_view text) const {
    uint64_t positive = ~uint64_t{0};
    uint64_t negative = 0;
    const uint64_t last = uint64_t{1} << (pattern_.size() - 1);
    size_t edits = pattern_.size();
    for (const char c : text) {
      const uint64_t equal = places_[static_cast<uint8_t>(c)];
      const uint64_t diagonal = (((equal & positive) + positive) ^ positive) | equal | negative;
      uint64_t up = negative | ~(diagonal | positive);
      uint64_t down = positive & diagonal;
      edits += (up & last) != 0;
      edits -= (down & last) != 0;
      up = (up << 1) | 1;
      down <<= 1;
      positive = down | ~(diagonal | up);
      negative = up & diagonal;
    }
    return edits;
  }

  size_t CountLong(std::string_view text, size_t limit) {
    row_.resize(pattern_.size() + 1);
    std::iota(row_.begin(), row_.end(), size_t{0});
    for (size_t i = 0; i < text.size(); ++i) {
      size_t diagonal = row_[0];
      size_t least = row_[0] = i + 1;
      for (size_t j = 1; j < row_.size(); ++j) {
        const size_t substituted = diagonal + (text[i] == pattern_[j - 1] ? 0 : 1);
        diagonal = row_[j];
        row_[j] = std::min({row_[j] + 1, row_[j - 1] + 1, substituted});
        least = std::min(least, row_[j]);
      }
      if (least > limit) return limit + 1;
    }
    return row_.back();
  }

  const std::string_view pattern_;
  std::array<uint64_t, 256> places_{};  // Where a byte occurs in the pattern.
  std::vector<size_t> row_;
};

}  // namespace

std::string ComparedText(std::string_view title, Similarity similarity) {
  std::vector<std::string> words = WordsOf(title);
  if (similarity == Similarity::kTokenSort) std::sort(words.begin(), words.end());
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

TitleSearch::TitleSearch(const Catalog* catalog, Similarity similarity)
    : catalog_(catalog), similarity_(similarity) {
  const CatalogImage& image = catalog->image();
  std::vector<uint32_t> names(image.num_names());
  std::iota(names.begin(), names.end(), uint32_t{0});
  std::stable_sort(names.begin(), names.end(), [&](uint32_t a, uint32_t b) {
    return image.name(a).year < image.name(b).year;
  });
  entries_.reserve(names.size() + 1);
  years_.reserve(names.size());
  for (const uint32_t name : names) {
    const std::string text = ComparedText(image.text(name), similarity);
    entries_.push_back({LettersOf(text), static_cast<uint32_t>(texts_.size()), name});
    years_.push_back(image.name(name).year);
    texts_ += text;
  }
  entries_.push_back({0, static_cast<uint32_t>(texts_.size()), kNoName});
  CR_CHECK(texts_.size() < kNoName, "the compared texts take more than 4 GiB");
}

size_t TitleSearch::size_bytes() const {
  return entries_.size() * sizeof(Entry) + years_.size() * sizeof(int) + texts_.size();
}

std::optional<TitleSearch::Found> TitleSearch::Nearest(std::string_view title,
                                                       int year,
                                                       int year_tolerance,
                                                       double threshold) const {
  const auto begin = std::lower_bound(years_.begin(), years_.end(), year - year_tolerance);
  const auto end = std::upper_bound(begin, years_.end(), year + year_tolerance);
  const Range range = {static_cast<size_t>(begin - years_.begin()),
                       static_cast<size_t>(end - years_.begin())};
  return Search(title, year, range, Digits::kMustAgree, threshold);
}

std::optional<TitleSearch::Found> TitleSearch::NearestOfAnyYear(std::string_view title,
                                                                int year,
                                                                double threshold) const {
  return Search(title, year, {0, years_.size()}, Digits::kMayDiffer, threshold);
}

// An edit changes at most two bits of the letters, so comparing them rules out most entries. The
// limit falls with each better match.
std::optional<TitleSearch::Found> TitleSearch::Search(
    std::string_view title, int year, Range range, Digits digits, double threshold) const {
  const std::string wanted = ComparedText(title, similarity_);
  if (wanted.empty()) return std::nullopt;
  const uint64_t letters = LettersOf(wanted);
  EditCounter counter(wanted);
  std::optional<Found> best;
  double best_similarity = threshold;
  int64_t best_gap = 0;
  for (size_t i = range.begin; i < range.end; ++i) {
    const size_t size = entries_[i + 1].text_begin - entries_[i].text_begin;
    const size_t longer = std::max(size, wanted.size());
    const double edits_left = (1 - best_similarity) * static_cast<double>(longer) + 1e-9;
    const size_t limit = static_cast<size_t>(edits_left);
    const size_t least =
        (static_cast<size_t>(__builtin_popcountll(entries_[i].letters ^ letters)) + 1) / 2;
    if (least > limit) continue;
    const std::string_view text = std::string_view(texts_).substr(entries_[i].text_begin, size);
    const size_t edits = counter.Count(text, limit);
    if (edits > limit) continue;
    if (digits == Digits::kMustAgree && !HaveSameDigits(text, wanted)) continue;
    const double similarity = 1 - static_cast<double>(edits) / static_cast<double>(longer);
    const uint32_t item = catalog_->image().item_of_name(entries_[i].name);
    const int64_t gap = std::abs(int64_t{years_[i]} - year);
    const bool is_better = !best || similarity > best->similarity ||
                           (similarity == best->similarity &&
                            (gap < best_gap || (gap == best_gap && item < best->item)));
    if (!is_better) continue;
    best = Found{item, similarity};
    best_similarity = similarity;
    best_gap = gap;
  }
  return best;
}

}  // namespace convrec::catalog
