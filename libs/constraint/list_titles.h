// The titles of a run's catalog in its tokenizer's tokens. Learner and rollout workers both build
// them here, so constrained decoding means the same to both.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "libs/catalog/catalog.h"
#include "libs/constraint/title_trie.h"
#include "libs/lists/list_format.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::constraint {

// Lists end with the tokenizer's EOS, as supervised rows do. Logs size, time and the titles left
// out. Errors are those of TitleTrie::Build(), and InvalidArgument for a tokenizer without EOS.
absl::StatusOr<std::shared_ptr<const constraint::TitleTrie>> MakeListTitles(
    std::shared_ptr<const catalog::Catalog> catalog,
    lists::ListStyle style,
    int num_ranks,
    const tokenizer::Tokenizer& tokenizer,
    lists::RankCounting counting = lists::RankCounting::kByLine);

}  // namespace convrec::constraint
