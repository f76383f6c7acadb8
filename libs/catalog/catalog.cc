#include "libs/catalog/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/digest.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/json_rows.h"
#include "libs/catalog/list_format.h"
#include "libs/catalog/unicode_text.h"

namespace convrec::catalog {
namespace {

std::string DigestOfSet(const std::vector<CatalogItem>& items) {
  std::vector<std::string> lines;
  lines.reserve(items.size());
  for (const CatalogItem& entry : items) {
    lines.push_back(absl::StrCat(entry.item.title, "\t", entry.item.year, "\n"));
  }
  std::sort(lines.begin(), lines.end());
  base::Digester digester;
  for (const std::string& line : lines) digester.Update(line.data(), line.size());
  return digester.Finish();
}

absl::StatusOr<CatalogItem> ReadItem(const JsonRow& row) {
  CatalogItem entry;
  CR_ASSIGN_OR_RETURN(entry.item, row.ItemValue());
  if (row.Has("genres")) {
    CR_ASSIGN_OR_RETURN(entry.genres, row.Strings("genres"));
  }
  if (row.Has("popularity")) {
    CR_ASSIGN_OR_RETURN(entry.popularity, row.Double("popularity"));
    if (entry.popularity < 0) return row.Error("popularity", "is negative; expected 0 or more");
  }
  return entry;
}

}  // namespace

absl::StatusOr<Catalog> Catalog::Load(const std::string& path) {
  std::vector<CatalogItem> items;
  absl::flat_hash_map<domain::Item, int> line_of_item;
  const auto visit = [&](const JsonRow& row, int line) -> absl::Status {
    CR_ASSIGN_OR_RETURN(CatalogItem entry, ReadItem(row));
    const auto [it, is_new] = line_of_item.emplace(entry.item, line);
    if (!is_new) {
      return row.Error("title",
                       absl::StrCat("repeats the item of line ",
                                    it->second,
                                    ", ",
                                    FormatItem(entry.item),
                                    "; expected each item once"));
    }
    items.push_back(std::move(entry));
    return absl::OkStatus();
  };
  CR_RETURN_IF_ERROR(ForEachJsonRow(
      path, [](int64_t) { return true; }, visit));
  return FromItems(std::move(items), path);
}

absl::StatusOr<Catalog> Catalog::FromItems(std::vector<CatalogItem> items,
                                           const std::string& name) {
  if (items.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": the catalog is empty; expected lines like {\"title\": \"Heat\", \"year\": 1995}"));
  }
  Catalog catalog;
  catalog.items_ = std::move(items);
  catalog.keys_.reserve(catalog.items_.size());
  for (size_t index = 0; index < catalog.items_.size(); ++index) {
    const domain::Item& item = catalog.items_[index].item;
    if (!catalog.index_of_item_.emplace(item, index).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": item ", FormatItem(item), " stands twice; expected each item once"));
    }
    catalog.keys_.push_back(TitleKey(item.title));
    catalog.indices_of_key_[catalog.keys_.back()].push_back(index);
  }
  catalog.digest_ = DigestOfSet(catalog.items_);
  return catalog;
}

std::optional<size_t> Catalog::IndexOf(const domain::Item& item) const {
  const auto it = index_of_item_.find(item);
  if (it == index_of_item_.end()) return std::nullopt;
  return it->second;
}

const std::vector<size_t>& Catalog::FindKey(const std::string& key) const {
  static const auto* const kNone = new std::vector<size_t>();
  const auto it = indices_of_key_.find(key);
  return it == indices_of_key_.end() ? *kNone : it->second;
}

}  // namespace convrec::catalog
