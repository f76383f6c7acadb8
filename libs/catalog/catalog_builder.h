// Turns items into the block of catalog_image.h, one at a time.
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
  // `name` stands for the file in messages; `source_digest` (32 characters or none) is of the
  // file's content. By a `line_format` other than the default the items are lines without a year.
  CatalogBuilder(std::string name,
                 TitleForm form,
                 const std::string& source_digest,
                 const text::LineFormat& line_format = {});

  // `line` of the file, from 1; 0 when there is none. InvalidArgument for a blank alias and for
  // line breaks in aliases and genres, ResourceExhausted when the texts reach 4 GiB.
  absl::Status Add(const CatalogItem& item, int line);

  // The block. InvalidArgument without items, for a name that stands for two items and for an id
  // that stands twice. The builder is of no use afterwards.
  absl::StatusOr<std::string> Finish();

 private:
  std::string_view TextOf(uint32_t name) const;
  uint32_t ItemOf(uint32_t name) const;
  // "file:7: field "title" ...", or without a line the name alone.
  std::string Where(uint32_t item, const std::string& field) const;
  absl::Status RepeatError(uint32_t name, uint32_t earlier) const;
  absl::Status SameLineError(uint32_t name, uint32_t earlier, const std::string& shown) const;
  absl::Status CheckIds() const;
  // Puts aliases behind titles.
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
  std::vector<int> lines_;         // Of the items.
  std::vector<NameRecord> names_;  // Titles; after JoinNames() all names and an end.
  std::string text_;               // Of names_.
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
