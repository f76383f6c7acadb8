#include "libs/lists/odd_titles.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/lists/line_grammar.h"
#include "libs/lists/list_reader.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {
namespace {

// Formatting before a title and between a title and its year is looked for over so many bytes.
constexpr size_t kMaxFormattingBytes = 64;

bool IsQuote(char32_t c) { return c == U'"' || c == U'\''; }

bool HasFourDigits(int year) { return year >= 1000 && year <= 9999; }

// False only for titles that the grammar surely leaves alone; most are.
bool MayBeChanged(std::string_view title) {
  const auto is_odd_edge = [](char c) {
    return grammar::IsSpaceIn(c) || grammar::IsMark(c) || c == '"' || c == '\'';
  };
  if (is_odd_edge(title.front()) || is_odd_edge(title.back()) || grammar::DigitIn(title.front()))
    return true;
  char before = '\0';
  for (const char c : title) {
    const bool is_plain = c >= ' ' && c <= '~' && c != '(' && !(c == ' ' && before == ' ');
    if (!is_plain) return true;
    before = c;
  }
  return false;
}

// Whether there is nothing but spaces, marks, quotes and numbering.
bool IsFormatting(std::string_view bytes) {
  const std::u32string decoded = text::DecodeUtf8(bytes);
  const std::u32string_view text = decoded;
  size_t i = 0;
  while (i < text.size()) {
    if (grammar::IsSpaceIn(text[i]) || grammar::IsMark(text[i]) || IsQuote(text[i])) {
      ++i;
      continue;
    }
    const size_t num_digits =
        grammar::RunLength(text, i, [](char32_t c) { return grammar::DigitIn(c).has_value(); });
    if (num_digits == 0) return false;
    i += num_digits;
    i += grammar::SpacesAt(text, i);
    if (i == text.size() || !grammar::IsNumberSeparator(text[i])) return false;
    ++i;
    if (grammar::SpacesAt(text, i) == 0) return false;
  }
  return true;
}

// Whether closing marks and quotes, whitespace and "(year)" begin `rest`.
bool BeginsWithYear(std::string_view rest, int year) {
  const std::u32string decoded = text::DecodeUtf8(rest.substr(0, kMaxFormattingBytes));
  const std::u32string_view text = decoded;
  const size_t open = grammar::RunLength(text, 0, [](char32_t c) {
    return grammar::IsSpaceIn(c) || grammar::IsMark(c) || IsQuote(c);
  });
  return open > 0 && grammar::IsSpaceIn(text[open - 1]) &&
         grammar::ParenthesisedYear(text, open) == year;
}

void SortUnique(std::vector<size_t>* items) {
  std::sort(items->begin(), items->end());
  items->erase(std::unique(items->begin(), items->end()), items->end());
}

}  // namespace

OddTitles::OddTitles(const catalog::Catalog& catalog) : catalog_(catalog) {
  if (catalog_.line_format().is_dated()) {
    ReadNames();
  } else {
    whole_lines_ = std::make_unique<const WholeLines>(&catalog_);
  }
}

void OddTitles::ReadNames() {
  const catalog::CatalogImage& image = catalog_.image();
  ListReader grammar_alone;
  for (uint32_t name = 0; name < image.num_names(); ++name) {
    const std::string_view title = image.text(name);
    const int year = image.name(name).year;
    if (title.empty()) continue;
    if (HasFourDigits(year)) {
      if (!MayBeChanged(title)) continue;
      const std::string line = FormatItem({std::string(title), year});
      const ListLine read = grammar_alone.ReadLine(line);
      if (read.title == title && read.year == year) continue;
      AddReadings(name);
    }
    if (name < image.num_items()) changed_.push_back(name);
  }
  for (auto& [reading, names] : names_of_reading_) {
    std::sort(names.begin(), names.end(), [&](uint32_t a, uint32_t b) {
      const size_t size_a = image.text(a).size(), size_b = image.text(b).size();
      return size_a != size_b ? size_a > size_b : a < b;
    });
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }
  // Besides the odd titles themselves, one may lose its line to an odd title that is read alike.
  std::vector<size_t> suspects = changed_;
  for (const auto& [reading, names] : names_of_reading_) {
    const std::vector<size_t> items = ItemsReadAs(reading, names);
    suspects.insert(suspects.end(), items.begin(), items.end());
  }
  SortUnique(&suspects);
  for (const size_t item : suspects) {
    if (!IsReadAsWritten(item, "")) unreadable_.push_back(item);
  }
}

// A line may give the title in quotes or in bold type, which the grammar can read in other ways.
void OddTitles::AddReadings(uint32_t name) {
  const std::string title(catalog_.image().text(name));
  const int year = catalog_.image().name(name).year;
  ListReader reader;
  std::string scratch;
  for (const std::string& line : {absl::StrCat(title, " (", year, ")"),
                                  absl::StrCat("\"", title, "\" (", year, ")"),
                                  absl::StrCat("**", title, "** (", year, ")"),
                                  absl::StrCat("\"", title, " (", year, ")\"")}) {
    const ListLine read = reader.ReadLine(line);
    if (read.title == title && read.year == year) continue;
    const std::string_view read_title = catalog_.InForm(read.title, &scratch);
    names_of_reading_[{std::string(read_title), read.year}].push_back(name);
    const size_t bit = FilterBit(read_title.size(), read.year);
    filter_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
  // The size of a title that is not in the catalog's form says nothing.
  if (catalog_.image().form() != catalog::TitleForm::kAsWritten) filter_.fill(~uint64_t{0});
}

std::vector<size_t> OddTitles::ItemsReadAs(const Reading& reading,
                                           const std::vector<uint32_t>& names) const {
  std::vector<size_t> items;
  for (const uint32_t name : names) {
    if (name < catalog_.size()) items.push_back(name);
  }
  const std::optional<size_t> plain = catalog_.IndexOf({reading.first, reading.second});
  if (plain) items.push_back(*plain);
  return items;
}

bool OddTitles::IsReadAsWritten(size_t item, const std::string& prefix) const {
  const domain::Item written = {std::string(catalog_.title(item)), catalog_.year(item)};
  const std::string line = prefix + FormatItem(written);
  ListReader reader(this);
  const ListLine read = reader.ReadLine(line);
  return read.status == LineStatus::kOk && read.title == written.title && read.year == written.year;
}

bool OddTitles::IsNamedBy(uint32_t name, std::string_view line) const {
  const std::string_view title = catalog_.image().text(name);
  const int year = catalog_.image().name(name).year;
  for (size_t begin = line.find(title); begin <= kMaxFormattingBytes;
       begin = line.find(title, begin + 1)) {
    if (BeginsWithYear(line.substr(begin + title.size()), year) &&
        IsFormatting(line.substr(0, begin))) {
      return true;
    }
  }
  return false;
}

std::optional<OddTitles::Name> OddTitles::Find(std::string_view line,
                                               std::string_view title,
                                               int year) const {
  std::string title_scratch, line_scratch;
  const auto it =
      names_of_reading_.find({std::string(catalog_.InForm(title, &title_scratch)), year});
  if (it == names_of_reading_.end()) return std::nullopt;
  const std::string_view in_form = catalog_.InForm(line, &line_scratch);
  const catalog::CatalogImage& image = catalog_.image();
  for (const uint32_t name : it->second) {
    if (IsNamedBy(name, in_form)) return Name{image.text(name), image.name(name).year};
  }
  return std::nullopt;
}

std::vector<size_t> OddTitles::NotReadBack(RankCounting counting,
                                           ListStyle style,
                                           int num_ranks) const {
  if (whole_lines_ != nullptr) return whole_lines_->NotReadBack(style, num_ranks);
  if (counting == RankCounting::kReference) return changed_;
  std::vector<size_t> items = unreadable_;
  if (style == ListStyle::kNumbered) {
    // "3. Reich Street" at some rank and "Reich Street" at rank 3 are the same line.
    for (const auto& [reading, names] : names_of_reading_) {
      for (const uint32_t name : names) {
        const auto numbering = NumberingOf(catalog_.image().text(name));
        const int number = numbering ? numbering->number : 0;
        if (number < 1 || number > num_ranks) continue;
        for (const size_t item : ItemsReadAs(reading, names)) {
          if (!IsReadAsWritten(item, absl::StrCat(number, ". "))) items.push_back(item);
        }
      }
    }
  }
  SortUnique(&items);
  return items;
}

std::string DescribeNotReadBack(const catalog::Catalog& catalog,
                                const std::vector<size_t>& not_read_back,
                                size_t max_named) {
  if (not_read_back.empty()) return "";
  std::string text = absl::StrCat(not_read_back.size(),
                                  " of ",
                                  catalog.size(),
                                  " titles cannot be read back from the line of a list: ");
  for (size_t i = 0; i < std::min(max_named, not_read_back.size()); ++i) {
    absl::StrAppend(
        &text,
        i == 0 ? "" : ", ",
        "\"",
        FormatItem({std::string(catalog.title(not_read_back[i])), catalog.year(not_read_back[i])}),
        "\"");
  }
  if (not_read_back.size() > max_named) text += ", ...";
  return text;
}

}  // namespace convrec::lists
