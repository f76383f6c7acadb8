#include "libs/scoring/item_traits.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace convrec::scoring {

absl::StatusOr<ItemTraits> ItemTraits::Create(const catalog::Catalog& catalog,
                                              const RewardTerms& terms) {
  ItemTraits traits(catalog);
  if (terms.novelty != 0) {
    double largest = 0;
    for (size_t i = 0; i < catalog.size(); ++i) largest = std::max(largest, catalog.popularity(i));
    if (largest == 0) {
      return absl::FailedPreconditionError(
          "reward.terms.novelty is on, but the catalog has no popularity: expected the field "
          "\"popularity\" in its file");
    }
    traits.log_most_popular_ = std::log1p(largest);
  }
  if (terms.diversity != 0) {
    absl::flat_hash_map<std::string, uint32_t> numbers;
    for (size_t i = 0; i < catalog.size(); ++i) {
      const size_t begin = traits.genres_.size();
      for (const std::string& genre : catalog.genres(i)) {
        const auto next = static_cast<uint32_t>(numbers.size());
        traits.genres_.push_back(numbers.emplace(genre, next).first->second);
      }
      const auto first = traits.genres_.begin() + static_cast<std::ptrdiff_t>(begin);
      std::sort(first, traits.genres_.end());
      traits.genres_.erase(std::unique(first, traits.genres_.end()), traits.genres_.end());
      traits.genre_ends_.push_back(traits.genres_.size());
    }
    if (traits.genres_.empty()) {
      return absl::FailedPreconditionError(
          "reward.terms.diversity is on, but the catalog has no genres: expected the field "
          "\"genres\" in its file");
    }
  }
  return traits;
}

double ItemTraits::Novelty(size_t item) const {
  if (log_most_popular_ == 0) return 0;
  return 1 - std::log1p(catalog_.popularity(item)) / log_most_popular_;
}

double ItemTraits::Diversity(size_t item, std::span<const size_t> earlier) const {
  if (!has_diversity()) return 0;
  const std::span<const uint32_t> own = GenresOf(item);
  if (own.empty()) return 0;
  double overlap = 0;
  for (const size_t other : earlier) {
    const std::span<const uint32_t> theirs = GenresOf(other);
    size_t num_common = 0;
    for (const uint32_t genre : own) {
      num_common += std::binary_search(theirs.begin(), theirs.end(), genre);
    }
    const size_t num_all = own.size() + theirs.size() - num_common;
    overlap += static_cast<double>(num_common) / static_cast<double>(num_all);
  }
  return earlier.empty() ? 1 : 1 - overlap / static_cast<double>(earlier.size());
}

std::span<const uint32_t> ItemTraits::GenresOf(size_t item) const {
  const size_t begin = item == 0 ? 0 : genre_ends_[item - 1];
  return std::span(genres_).subspan(begin, genre_ends_[item] - begin);
}

RankFacts NewItems::FactsOf(const lists::JudgedLine& judged) {
  RankFacts facts{.outcome = judged.outcome};
  if (traits_->is_off() || judged.item == lists::kNoItem || judged.is_seen || judged.is_duplicate) {
    return facts;
  }
  facts.novelty = traits_->Novelty(judged.item);
  facts.diversity = traits_->Diversity(judged.item, items_);
  items_.push_back(judged.item);
  return facts;
}

}  // namespace convrec::scoring
