#include "libs/joins/title_tokens.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace convrec::joins {

TitleTokens JoinTitles(const catalog::Catalog& catalog,
                       const tokenizer::Tokenizer& tokenizer,
                       lists::ListStyle style) {
  TitleTokens join;
  join.num_titles = static_cast<int64_t>(catalog.size());
  join.num_checked = std::min(join.num_titles, kMaxChecked);
  int64_t num_tokens = 0;
  for (int64_t i = 0; i < join.num_checked; ++i) {
    const size_t item = static_cast<size_t>(i * join.num_titles / join.num_checked);
    const std::string line = lists::FormatList({catalog.ItemAt(item).item}, style) + "\n";
    const std::vector<int32_t> ids = tokenizer.Encode(line);
    const std::string read = tokenizer.Decode(ids);
    num_tokens += static_cast<int64_t>(ids.size());
    join.max_tokens = std::max(join.max_tokens, static_cast<int64_t>(ids.size()));
    if (read == line) {
      ++join.num_written;
    } else if (join.first_fault.empty()) {
      join.first_fault = absl::StrCat("\"",
                                      line.substr(0, line.size() - 1),
                                      "\" reads \"",
                                      read.substr(0, read.find('\n')),
                                      "\"");
    }
  }
  join.mean_tokens = static_cast<double>(num_tokens) / static_cast<double>(join.num_checked);
  return join;
}

std::string DescribeTitles(const TitleTokens& join) {
  const std::string checked =
      join.num_checked == join.num_titles
          ? absl::StrCat(join.num_titles, " titles")
          : absl::StrCat(join.num_checked, " titles looked at, of ", join.num_titles, ",");
  const std::string tokens = absl::StrFormat("%.1f tokens a line", join.mean_tokens);
  if (join.num_written == join.num_checked)
    return absl::StrCat("all ", checked, " can be written with the tokenizer, ", tokens);
  return absl::StrCat(join.num_written,
                      " of ",
                      checked,
                      " can be written with the tokenizer, ",
                      tokens,
                      "; first that cannot: ",
                      join.first_fault);
}

}  // namespace convrec::joins
