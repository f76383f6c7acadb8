// What the lists of one prompt are compared with, prepared once for all of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/domain/item.h"
#include "libs/lists/list_parser.h"

namespace convrec::lists {

// Immutable, so thread-safe. Valid only with the catalog it was made for, but keeps no reference to
// it.
class ListTarget final {
 public:
  struct Truth {
    std::string title;  // In the catalog's form.
    int year;
    uint64_t title_hash;
    uint32_t key;  // The first name in the catalog with its TitleKey; kNoName when there is none.
  };

  // Seen titles block items as seen_titles.h says. By RankCounting::kReference they are compared
  // as texts only.
  ListTarget(const catalog::Catalog& catalog,
             const std::vector<domain::Item>& ground_truth,
             const std::vector<std::string>& seen_titles,
             RankCounting counting = RankCounting::kByLine);

  // As given.
  std::span<const Truth> truths() const { return truths_; }
  // Whether the title is exactly one that was named; `hash` is its HashText(). By
  // RankCounting::kByLine this counts for lines that are no item only.
  bool IsSeen(std::string_view title, uint64_t hash) const {
    return (seen_bits_ >> (hash & 63) & 1) != 0 && IsAmongSeen(title, hash);
  }
  bool has_seen() const { return seen_bits_ != 0; }
  // Whether the item was named. By RankCounting::kReference this follows from texts alone.
  bool IsSeenItem(uint32_t item) const {
    return (item_bits_ >> (item & 63) & 1) != 0 &&
           std::find(seen_items_.begin(), seen_items_.end(), item) != seen_items_.end();
  }
  RankCounting counting() const { return counting_; }

 private:
  bool IsAmongSeen(std::string_view title, uint64_t hash) const;

  std::vector<Truth> truths_;
  std::vector<std::string> seen_;
  std::vector<uint32_t> seen_slots_;  // Open addressing: index in seen_ + 1; 0 = empty.
  std::vector<uint32_t> seen_items_;
  uint64_t seen_bits_ = 0;  // One bit per hash modulo 64: most titles are not seen.
  uint64_t item_bits_ = 0;  // The same per item.
  RankCounting counting_;
};

}  // namespace convrec::lists
