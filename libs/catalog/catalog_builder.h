// Builds the block of catalog_image.h from items, one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/catalog/catalog_image.h"
#include "libs/catalog/catalog_item.h"
#include "libs/text/line_format.h"

namespace convrec::catalog {

// Not thread-safe.
class CatalogBuilder final {
 public:
  // Messages use `name` as the name of the file; `source_digest` (32 characters or none) is the
  // digest of the file's content. With a `line_format` other than the default, items are lines
  // without a year.
  CatalogBuilder(std::string name,
                 TitleForm form,
                 const std::string& source_digest,
                 const text::LineFormat& line_format = {});

  // `line` is the item's line in the file, from 1; 0 when there is none. InvalidArgument for a
  // blank alias or for line breaks in aliases and genres, ResourceExhausted when all texts together
  // reach 4 GiB.
  absl::Status Add(const CatalogItem& item, int line);

  // The block. InvalidArgument without items, for a name shared by two items and for a repeated id.
  // The builder must not be used afterwards.
  absl::StatusOr<std::string> Finish();

 private:
  std::string_view TextOf(uint32_t name) const;
  uint32_t ItemOf(uint32_t name) const;
  // "file:7: field "title" ...", or the name alone when there is no line.
  std::string Where(uint32_t item, const std::string& field) const;
  absl::Status RepeatError(uint32_t name, uint32_t earlier) const;
  absl::Status SameLineError(uint32_t name, uint32_t earlier, const std::string& shown) const;
  absl::Status CheckIds() const;
  // Appends the aliases to the titles.
  void JoinNames();
  absl::StatusOr<std::vector<uint64_t>> MakeNameTable() const;
  std::vector<uint64_t> MakeKeyTable();
  // `text` is in form, and no name of the item.
  void AddMention(uint32_t item, const std::string& text);
  std::vector<uint64_t> MakeMentionTable() const;
  std::string_view MentionAt(uint32_t mention) const;
  std::string Digest() const;

  const std::string name_;
  const TitleForm form_;
  const std::string source_digest_;
  const text::LineFormat line_format_;
  std::vector<int> lines_;         // One per item.
  std::vector<NameRecord> names_;  // Titles; after JoinNames() all names and an end entry.
  std::string text_;               // The texts of names_.
  std::vector<NameRecord> alias_names_;
  std::string alias_text_;
  std::vector<uint32_t> alias_items_;
  std::vector<double> popularity_;
  bool has_popularity_ = false;
  std::vector<uint32_t> id_ends_;
  std::string ids_;
  std::vector<uint32_t> genre_sets_;
  absl::flat_hash_map<std::string, uint32_t> number_of_genre_set_;
  std::vector<uint32_t> genre_set_ends_;
  std::string genres_;
  std::vector<uint32_t> mention_items_;
  std::vector<uint32_t> mention_ends_;
  std::string mentions_;
};

}  // namespace convrec::catalog
