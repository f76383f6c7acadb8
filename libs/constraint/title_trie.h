// The catalog's titles as lines of a list, in the tokens that a tokenizer gives them there.
//
// A list is line 1, "\n", ..., line N, end token; a line is an item as its catalog writes it, with
// "3. " before it in numbered lists. Byte-level BPE gives a line the same tokens wherever it
// occurs, except at its end: many vocabularies merge ")" and the line break into one token. So
// titles are stored twice, followed by the line break (`inner`) and by the end token (`last`). On
// every path through both, the tokens equal those of tokenizing the whole list text.
// Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/catalog/catalog.h"
#include "libs/constraint/token_trie.h"
#include "libs/lists/list_format.h"
#include "libs/lists/list_parser.h"

namespace convrec::constraint {

// What is needed from a tokenizer. Both functions are called from several threads.
struct LineTokenizer {
  std::function<std::vector<int32_t>(std::string_view text)> encode;
  std::function<std::string_view(int32_t id)> token_bytes;  // "" for special tokens.
  int32_t end_token_id = 0;                                 // Ends a list.
};

class TitleTrie final {
 public:
  // Titles that are not read back as they are written (lists::OddTitles::NotReadBack()) when lines
  // are read as `counting` says are left out. InvalidArgument for fewer titles than ranks, and for
  // a title whose tokens do not decode to the title or join its line to a neighbour other than by
  // the line break.
  static absl::StatusOr<std::shared_ptr<const TitleTrie>> Build(
      std::shared_ptr<const catalog::Catalog> catalog,
      lists::ListStyle style,
      int num_ranks,
      const LineTokenizer& tokenizer,
      lists::RankCounting counting = lists::RankCounting::kByLine);

  int num_ranks() const { return static_cast<int>(number_tokens_.size()); }
  // The tokens before the title at rank `rank`, from 0: "3." in numbered lists, otherwise none.
  const std::vector<int32_t>& number_tokens(int rank) const {
    return number_tokens_[static_cast<size_t>(rank)];
  }
  // Sequences are numbered as the catalog's items.
  const TokenTrie& inner() const { return inner_; }  // Unused, and empty, for lists of one rank.
  const TokenTrie& last() const { return last_; }

  size_t num_titles() const { return num_titles_; }
  size_t num_left_out() const { return catalog_->size() - num_titles_; }
  // Number of tokens in the longest list, end token included.
  size_t max_list_tokens() const { return max_list_tokens_; }
  int32_t max_token_id() const { return max_token_id_; }
  size_t memory_bytes() const { return inner_.memory_bytes() + last_.memory_bytes(); }
  const catalog::Catalog& catalog() const { return *catalog_; }
  // How the lists are read.
  lists::RankCounting counting() const { return counting_; }

 private:
  TitleTrie(std::shared_ptr<const catalog::Catalog> catalog,
            lists::RankCounting counting,
            std::vector<std::vector<int32_t>> number_tokens,
            const TokenSequences& inner,
            const TokenSequences& last);

  const std::shared_ptr<const catalog::Catalog> catalog_;
  const lists::RankCounting counting_;
  const std::vector<std::vector<int32_t>> number_tokens_;  // By rank.
  const TokenTrie inner_;
  const TokenTrie last_;
  size_t num_titles_ = 0;
  size_t max_list_tokens_ = 0;
  int32_t max_token_id_ = 0;
};

}  // namespace convrec::constraint
