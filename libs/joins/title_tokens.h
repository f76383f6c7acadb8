// Whether a tokenizer can write the titles of a catalog, and what a list of them takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/lists/list_format.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::joins {

struct TitleTokens {
  int64_t num_titles = 0;   // Of the catalog.
  int64_t num_checked = 0;  // At most kMaxChecked, evenly spread over the catalog.
  int64_t num_written = 0;  // Whose line in tokens reads as the line.
  std::string first_fault;  // ""Up (2009)" reads "up (2009)"".
  double mean_tokens = 0;   // Of a line with its line break.
  int64_t max_tokens = 0;
};

inline constexpr int64_t kMaxChecked = 20000;

TitleTokens JoinTitles(const catalog::Catalog& catalog,
                       const tokenizer::Tokenizer& tokenizer,
                       lists::ListStyle style);

// "all 48 titles can be written with this tokenizer, 12.3 tokens a line".
std::string DescribeTitles(const TitleTokens& join);

}  // namespace convrec::joins
