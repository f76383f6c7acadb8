// The catalog's titles as the lines of a list, in the tokens that a tokenizer gives them there.
//
// A list is line 1, "\n", ..., line N, end token; a line is an item as its catalog writes it, with
// "3. " before it in numbered lists. Byte-level BPE writes a line in the same tokens wherever it
// stands, but for its end: many vocabularies join ")" and the line break to one token. So titles
// are held twice, with the line break behind them (`inner`) and with the end token (`last`).
// Whatever path through both is taken, its tokens are those of tokenizing the whole list text.
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

// What is needed of a tokenizer. Both functions are called by several threads.
struct LineTokenizer {
  std::function<std::vector<int32_t>(std::string_view text)> encode;
  std::function<std::string_view(int32_t id)> token_bytes;  // "" for special tokens.
  int32_t end_token_id = 0;                                 // Ends a list.
};

class TitleTrie final {
 public:
  // Titles that are not read back as they are written (lists::OddTitles::NotReadBack()), with lines
  // read as `counting` reads them, are left out.
  // InvalidArgument for fewer titles than ranks and for a title whose tokens do not read as the
  // title, or join its line to a neighbour in another way than by the line break.
  static absl::StatusOr<std::shared_ptr<const TitleTrie>> Build(
      std::shared_ptr<const catalog::Catalog> catalog,
      lists::ListStyle style,
      int num_ranks,
      const LineTokenizer& tokenizer,
      lists::RankCounting counting = lists::RankCounting::kByLine);

  int num_ranks() const { return static_cast<int>(number_tokens_.size()); }
  // What stands before the title at rank `rank`, from 0: "3." in numbered lists, else nothing.
  const std::vector<int32_t>& number_tokens(int rank) const {
    return number_tokens_[static_cast<size_t>(rank)];
  }
  // Sequences are numbered as the catalog's items.
  const TokenTrie& inner() const { return inner_; }  // Unused, and empty, for lists of one rank.
  const TokenTrie& last() const { return last_; }

  size_t num_titles() const { return num_titles_; }
  size_t num_left_out() const { return catalog_->size() - num_titles_; }
  // Tokens of the longest list, the end token included.
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
