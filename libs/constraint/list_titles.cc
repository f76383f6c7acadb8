#include "libs/constraint/list_titles.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"

namespace convrec::constraint {

absl::StatusOr<std::shared_ptr<const constraint::TitleTrie>> MakeListTitles(
    std::shared_ptr<const catalog::Catalog> catalog,
    lists::ListStyle style,
    int num_ranks,
    const tokenizer::Tokenizer& tokenizer,
    lists::RankCounting counting) {
  if (!tokenizer.eos_id()) {
    return absl::InvalidArgumentError(
        "the tokenizer names no end token, which ends every constrained list");
  }
  const absl::Time start = base::MonotonicNow();
  CR_ASSIGN_OR_RETURN(
      auto titles,
      constraint::TitleTrie::Build(
          std::move(catalog),
          style,
          num_ranks,
          {.encode =
               [&tokenizer](std::string_view text) {
                 return tokenizer.Encode(text, {.continues_text = true});
               },
           .token_bytes =
               [&tokenizer](int32_t id) { return std::string_view(tokenizer.TokenBytes(id)); },
           .end_token_id = *tokenizer.eos_id()},
          counting));
  CR_LOG(INFO) << absl::StrFormat(
      "constrained lists: %d titles, %d left out because they are not read back as written, %d + "
      "%d nodes, %.1f MB, %.2f s",
      titles->num_titles(),
      titles->num_left_out(),
      titles->inner().num_nodes(),
      titles->last().num_nodes(),
      static_cast<double>(titles->memory_bytes()) / 1e6,
      absl::ToDoubleSeconds(base::MonotonicNow() - start));
  return titles;
}

}  // namespace convrec::constraint
