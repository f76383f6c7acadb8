// Test support: a small tokenizer and random catalogs for lists in tokens.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/random.h"
#include "libs/constraint/title_trie.h"
#include "libs/domain/token_constraint.h"

namespace convrec::constraint {

// Takes the longest vocabulary entry that matches next: ")\n" before ")". Ids below 256 are bytes,
// then come the entries, then the end token.
class PieceTokenizer final {
 public:
  explicit PieceTokenizer(std::vector<std::string> entries) {
    for (int byte = 0; byte < 256; ++byte) pieces_.emplace_back(1, static_cast<char>(byte));
    for (std::string& entry : entries) pieces_.push_back(std::move(entry));
    pieces_.emplace_back();
  }

  std::vector<int32_t> Encode(std::string_view text) const {
    std::vector<int32_t> ids;
    while (!text.empty()) {
      size_t best = static_cast<uint8_t>(text[0]);
      for (size_t id = 256; id < pieces_.size(); ++id) {
        if (pieces_[id].size() > pieces_[best].size() && text.starts_with(pieces_[id])) best = id;
      }
      ids.push_back(static_cast<int32_t>(best));
      text.remove_prefix(pieces_[best].size());
    }
    return ids;
  }
  std::string_view Bytes(int32_t id) const { return pieces_[static_cast<size_t>(id)]; }
  std::string Decode(const std::vector<int32_t>& ids) const {
    std::string text;
    for (const int32_t id : ids) text += Bytes(id);
    return text;
  }
  int32_t end_token_id() const { return static_cast<int32_t>(pieces_.size()) - 1; }

  // Refers to this.
  LineTokenizer line_tokenizer() const {
    return {.encode = [this](std::string_view text) { return Encode(text); },
            .token_bytes = [this](int32_t id) { return Bytes(id); },
            .end_token_id = end_token_id()};
  }

 private:
  std::vector<std::string> pieces_;
};

inline std::shared_ptr<const catalog::Catalog> MakeCatalog(const std::vector<domain::Item>& items) {
  std::vector<catalog::CatalogItem> entries;
  for (const domain::Item& item : items) entries.push_back({.item = item, .genres = {}});
  absl::StatusOr<catalog::Catalog> catalog =
      catalog::Catalog::FromItems(std::move(entries), "test");
  CR_CHECK(catalog.ok(), catalog.status().ToString());
  return std::make_shared<const catalog::Catalog>(*std::move(catalog));
}

// Titles of one to three words from a small set, so that many share a prefix; every title has one
// to three years.
inline std::vector<domain::Item> RandomItems(size_t count, uint64_t seed) {
  constexpr const char* kWords[] = {"The", "Man", "Return", "of", "12", "(500)", "Él", "Night's"};
  base::RandomStream random(seed, 1);
  std::vector<domain::Item> items;
  while (items.size() < count) {
    std::string title;
    for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
      if (!title.empty()) title += ' ';
      title += kWords[random.Below(8)];
    }
    const domain::Item item{title, 1990 + static_cast<int>(random.Below(3))};
    const bool is_readable = lists::SurvivesRoundTrip(item, lists::ListStyle::kPlain) &&
                             lists::SurvivesRoundTrip(item, lists::ListStyle::kNumbered);
    if (is_readable && std::find(items.begin(), items.end(), item) == items.end()) {
      items.push_back(item);
    }
  }
  return items;
}

// Any legal token at each step; the tokens taken, the end token included.
inline std::vector<int32_t> RandomWalk(domain::TokenConstraint* constraint,
                                       int32_t end_token_id,
                                       base::RandomStream* random) {
  std::vector<int32_t> ids;
  do {
    const std::vector<int32_t>& legal = constraint->Legal();
    EXPECT_TRUE(std::is_sorted(legal.begin(), legal.end(), std::less_equal<int32_t>()));
    if (legal.empty()) {
      ADD_FAILURE() << "no token is legal";
      return ids;
    }
    ids.push_back(legal[random->Below(legal.size())]);
    constraint->Advance(ids.back());
  } while (ids.back() != end_token_id);
  return ids;
}

inline PieceTokenizer WordTokenizer() {
  return PieceTokenizer({"The",
                         " The",
                         "The Man",
                         " Man",
                         "Return",
                         " of",
                         ")\n",
                         "199",
                         " (199",
                         "1.",
                         "2.",
                         "3.",
                         "4.",
                         "5.",
                         "Ni",
                         "ght",
                         "'s",
                         " (500"});
}

}  // namespace convrec::constraint
