// The closed set of items that may be recommended.
//
// Immutable, so shared freely between threads by const reference. Items keep the order of their
// file; their index in it is their id within a process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "libs/domain/item.h"

namespace convrec::catalog {

struct CatalogItem {
  domain::Item item;
  std::vector<std::string> genres;  // Empty when the file has none.
  double popularity = 0;            // Any scale; larger is better known. 0 when the file has none.
};

class Catalog final {
 public:
  // JSON lines {"title", "year", optional "genres": [text], "popularity": number}. NotFound without
  // the file, InvalidArgument naming file, line and field for a bad row, a repeated item or no
  // item.
  static absl::StatusOr<Catalog> Load(const std::string& path);
  // The same from memory; `name` stands for the file in messages.
  static absl::StatusOr<Catalog> FromItems(std::vector<CatalogItem> items, const std::string& name);

  size_t size() const { return items_.size(); }
  const std::vector<CatalogItem>& items() const { return items_; }

  // Exactly this title (case and all) and this year.
  bool Contains(const domain::Item& item) const { return index_of_item_.contains(item); }
  std::optional<size_t> IndexOf(const domain::Item& item) const;

  // Indices of all items whose title has this TitleKey, in catalog order.
  const std::vector<size_t>& FindKey(const std::string& key) const;
  // TitleKey of the title of item `index`.
  const std::string& key(size_t index) const { return keys_[index]; }

  // 32 hexadecimal digits over the set of (title, year); the order of the items, genres and
  // popularity do not enter, because no score depends on them.
  const std::string& digest() const { return digest_; }

 private:
  Catalog() = default;

  std::vector<CatalogItem> items_;
  std::vector<std::string> keys_;  // As items_.
  absl::flat_hash_map<domain::Item, size_t> index_of_item_;
  absl::flat_hash_map<std::string, std::vector<size_t>> indices_of_key_;
  std::string digest_;
};

}  // namespace convrec::catalog
