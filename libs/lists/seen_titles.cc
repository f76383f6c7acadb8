#include "libs/lists/seen_titles.h"

#include <algorithm>
#include <string_view>

#include "libs/lists/line_grammar.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {
namespace {

// Items of which this is exactly the title or an alias; titles before aliases.
std::vector<size_t> ItemsOfTitle(const catalog::Catalog& catalog, const std::string& title) {
  const catalog::CatalogImage& image = catalog.image();
  std::string scratch, key;
  const std::string_view written = catalog.InForm(title, &scratch);
  text::MakeTitleKey(written, &key);
  std::vector<size_t> items;
  for (uint32_t name = image.FindKey(key); name != catalog::kNoName;) {
    const size_t item = image.item_of_name(name);
    if (image.text(name) == written && std::find(items.begin(), items.end(), item) == items.end())
      items.push_back(item);
    const uint32_t next = image.name(name).next_with_key;
    name = next == 0 ? catalog::kNoName : next;
  }
  return items;
}

// The item that "Title (Year)" names.
std::optional<size_t> DatedItem(const catalog::Catalog& catalog, const std::string& seen_title) {
  constexpr size_t kYearSize = 7;  // " (1995)".
  if (seen_title.size() <= kYearSize || seen_title.back() != ')') return std::nullopt;
  const size_t end = seen_title.size() - kYearSize;
  if (seen_title[end] != ' ') return std::nullopt;
  const auto year = grammar::ParenthesisedYear(std::string_view(seen_title), end + 1);
  if (!year) return std::nullopt;
  return catalog.IndexOf({seen_title.substr(0, end), *year});
}

}  // namespace

std::vector<size_t> ItemsNamed(const catalog::Catalog& catalog, const std::string& seen_title) {
  std::vector<size_t> items = ItemsOfTitle(catalog, seen_title);
  if (!items.empty()) return items;
  if (!catalog.line_format().is_dated()) return catalog.MentionedBy(seen_title);
  if (const std::optional<size_t> item = DatedItem(catalog, seen_title)) items.push_back(*item);
  return items;
}

std::optional<size_t> ItemSeen(const catalog::Catalog& catalog, const std::string& seen_title) {
  const std::vector<size_t> items = ItemsNamed(catalog, seen_title);
  return items.size() == 1 ? std::optional<size_t>(items.front()) : std::nullopt;
}

std::vector<size_t> ItemsSeen(const catalog::Catalog& catalog,
                              const std::string& seen_title,
                              RankCounting counting) {
  if (counting == RankCounting::kReference) return ItemsOfTitle(catalog, seen_title);
  const std::optional<size_t> item = ItemSeen(catalog, seen_title);
  return item ? std::vector<size_t>{*item} : std::vector<size_t>();
}

}  // namespace convrec::lists
