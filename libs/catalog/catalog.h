// The closed set of items that may be recommended.
//
// Items keep the order of their file; an item's index in it is its id within a process. An alias
// names its item wherever a title with a year does. The whole catalog is one block of memory
// (catalog_image.h), built from the items or mapped from an index file. Immutable, so it can be
// shared freely between threads; copies share the block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/catalog/catalog_image.h"
#include "libs/catalog/catalog_item.h"
#include "libs/domain/item.h"
#include "libs/text/line_format.h"

namespace convrec::catalog {

struct CatalogOptions {
  TitleForm form = TitleForm::kAsWritten;
  // Where the index of the file is kept; empty = none. An index that was not made from the file's
  // present content with these options is rebuilt.
  std::string index_path = {};
  // How items are written as lines, as in "{title} - {artist}"; empty = as an index says, or else
  // "{title} ({year})". An index file that was made with another one is refused.
  std::string line_format = {};
};

class Catalog final {
 public:
  class Items;

  // From JSON lines, CSV (a name that ends in ".csv") or an index file; docs/catalog.md describes
  // them. NotFound without the file, InvalidArgument naming file, line and field for a bad row, a
  // repeated item or no item, DataLoss for a damaged index. An index file keeps the form it was
  // made with.
  static absl::StatusOr<Catalog> Load(const std::string& path, const CatalogOptions& options = {});
  // The same from memory; messages use `name` as the name of the file.
  static absl::StatusOr<Catalog> FromItems(const std::vector<CatalogItem>& items,
                                           const std::string& name,
                                           TitleForm form = TitleForm::kAsWritten,
                                           const text::LineFormat& line_format = {});

  size_t size() const { return image_.num_items(); }
  // All items, each built when it is accessed; accessors of a single field are cheaper.
  Items items() const;
  CatalogItem ItemAt(size_t index) const;
  std::string_view title(size_t index) const { return image_.text(static_cast<uint32_t>(index)); }
  int year(size_t index) const { return image_.name(static_cast<uint32_t>(index)).year; }
  double popularity(size_t index) const { return image_.popularity(index); }
  std::vector<std::string> genres(size_t index) const;
  std::vector<std::string> aliases(size_t index) const;
  std::string_view id(size_t index) const { return image_.id(index); }
  // TitleKey of the title of item `index`.
  std::string key(size_t index) const;

  // Exactly this title or alias (case and all) and this year.
  bool Contains(const domain::Item& item) const { return IndexOf(item).has_value(); }
  std::optional<size_t> IndexOf(const domain::Item& item) const;

  // Indices of all items whose title or alias has this TitleKey: titles first, then aliases, each
  // in catalog order.
  std::vector<size_t> FindKey(const std::string& key) const;

  // A title in the form in which the catalog compares titles: `title` itself or `scratch`.
  std::string_view InForm(std::string_view title, std::string* scratch) const;

  // 32 hexadecimal digits over everything a score may depend on: titles, years, aliases, genres,
  // popularity and how titles are compared. Item order and ids do not matter.
  const std::string& digest() const { return digest_; }
  // The catalog's size, in memory or mapped.
  size_t size_bytes() const { return image_.size_bytes(); }

  // Writes the index file, which holds a digest of the file the catalog was loaded from.
  absl::Status WriteIndex(const std::string& path) const;

  // How the items are written as lines. Unless it is dated, an item's title is its line, aliases
  // are lines too, and years are domain::kNoYear.
  const text::LineFormat& line_format() const { return *line_format_; }
  // Items, ascending, that dialogues call `text` although it is not their line: their
  // CatalogItem::mentions.
  std::vector<size_t> MentionedBy(std::string_view text) const;

  // For code that looks up names without building strings.
  const CatalogImage& image() const { return image_; }

 private:
  class Block;

  static absl::StatusOr<Catalog> FromBlock(std::shared_ptr<const Block> block,
                                           const std::string& path);
  // The index, if it matches the file's content and the options.
  static std::optional<Catalog> LoadFresh(const CatalogOptions& options,
                                          const text::LineFormat& line_format,
                                          const std::string& source_digest);
  Catalog(std::shared_ptr<const Block> block, const CatalogImage& image);

  std::shared_ptr<const Block> block_;
  CatalogImage image_;  // Of block_.
  std::string digest_;
  std::shared_ptr<const text::LineFormat> line_format_;
};

// A range of CatalogItem values. A view: the catalog must outlive it.
class Catalog::Items final {
 public:
  class Iterator final {
   public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = CatalogItem;
    using difference_type = std::ptrdiff_t;
    using reference = CatalogItem;
    struct pointer {
      CatalogItem item;
      const CatalogItem* operator->() const { return &item; }
    };

    Iterator() = default;
    Iterator(const Catalog* catalog, size_t index) : catalog_(catalog), index_(index) {}
    CatalogItem operator*() const { return catalog_->ItemAt(index_); }
    pointer operator->() const { return {**this}; }
    Iterator& operator++() { return *this += 1; }
    Iterator& operator--() { return *this += -1; }
    Iterator operator++(int) { return std::exchange(*this, *this + 1); }
    Iterator operator--(int) { return std::exchange(*this, *this + -1); }
    Iterator& operator+=(difference_type n) {
      index_ = static_cast<size_t>(static_cast<difference_type>(index_) + n);
      return *this;
    }
    Iterator& operator-=(difference_type n) { return *this += -n; }
    friend Iterator operator+(Iterator it, difference_type n) { return it += n; }
    friend Iterator operator-(Iterator it, difference_type n) { return it -= n; }
    friend difference_type operator-(Iterator a, Iterator b) {
      return static_cast<difference_type>(a.index_) - static_cast<difference_type>(b.index_);
    }
    CatalogItem operator[](difference_type n) const { return *(*this + n); }
    friend bool operator==(Iterator a, Iterator b) { return a.index_ == b.index_; }
    friend auto operator<=>(Iterator a, Iterator b) { return a.index_ <=> b.index_; }

   private:
    const Catalog* catalog_ = nullptr;
    size_t index_ = 0;
  };

  explicit Items(const Catalog* catalog) : catalog_(catalog) {}
  Iterator begin() const { return {catalog_, 0}; }
  Iterator end() const { return {catalog_, size()}; }
  size_t size() const { return catalog_->size(); }
  CatalogItem operator[](size_t index) const { return catalog_->ItemAt(index); }

 private:
  const Catalog* catalog_;
};

inline Catalog::Items Catalog::items() const { return Items(this); }

}  // namespace convrec::catalog
