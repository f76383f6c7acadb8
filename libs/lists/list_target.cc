#include "libs/lists/list_target.h"

#include "libs/lists/seen_titles.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {

ListTarget::ListTarget(const catalog::Catalog& catalog,
                       const std::vector<domain::Item>& ground_truth,
                       const std::vector<std::string>& seen_titles,
                       RankCounting counting)
    : counting_(counting) {
  std::string scratch;
  std::string key;
  truths_.reserve(ground_truth.size());
  for (const domain::Item& item : ground_truth) {
    const std::string_view title = catalog.InForm(item.title, &scratch);
    text::MakeTitleKey(title, &key);
    truths_.push_back(
        {std::string(title), item.year, catalog::HashText(title), catalog.image().FindKey(key)});
  }
  size_t num_slots = 4;
  while (num_slots < 2 * seen_titles.size()) num_slots *= 2;
  seen_slots_.resize(num_slots);
  seen_.reserve(seen_titles.size());
  for (const std::string& raw : seen_titles) {
    if (counting == RankCounting::kByLine) {
      if (const auto item = ItemSeen(catalog, raw)) {
        seen_items_.push_back(static_cast<uint32_t>(*item));
        item_bits_ |= uint64_t{1} << (*item & 63);
      }
    }
    const std::string_view title = catalog.InForm(raw, &scratch);
    const uint64_t hash = catalog::HashText(title);
    if (IsAmongSeen(title, hash)) continue;
    seen_.emplace_back(title);
    seen_bits_ |= uint64_t{1} << (hash & 63);
    size_t slot = hash & (num_slots - 1);
    while (seen_slots_[slot] != 0) slot = (slot + 1) & (num_slots - 1);
    seen_slots_[slot] = static_cast<uint32_t>(seen_.size());
  }
}

bool ListTarget::IsAmongSeen(std::string_view title, uint64_t hash) const {
  const size_t mask = seen_slots_.size() - 1;
  for (size_t slot = hash & mask; seen_slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (seen_[seen_slots_[slot] - 1] == title) return true;
  }
  return false;
}

}  // namespace convrec::lists
