#include "libs/lists/list_format.h"

#include "absl/strings/str_cat.h"
#include "libs/domain/year.h"
#include "libs/lists/list_parser.h"

namespace convrec::lists {

std::string FormatItem(const domain::Item& item) {
  if (item.year == domain::kNoYear) return item.title;
  return absl::StrCat(item.title, " (", item.year, ")");
}

std::string FormatList(const std::vector<domain::Item>& items, ListStyle style) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += '\n';
    if (style == ListStyle::kNumbered) absl::StrAppend(&text, i + 1, ". ");
    text += FormatItem(items[i]);
  }
  return text;
}

bool SurvivesRoundTrip(const domain::Item& item, ListStyle style) {
  const std::vector<domain::Item> read =
      ParseList(FormatList({item}, style), RankCounting::kByLine).Items();
  return read.size() == 1 && read.front() == item;
}

}  // namespace convrec::lists
