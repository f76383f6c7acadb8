// What a group of lists is sampled for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libs/domain/item.h"

namespace convrec::domain {

// One utterance of the dialogue. `role` is "system", "user" or "assistant".
struct Turn {
  std::string role;
  std::string text;
};

struct Prompt {
  std::string id;                        // From the data set, unique in its split.
  std::vector<int32_t> token_ids;        // The rendered dialogue; never re-tokenised afterwards.
  std::vector<Item> ground_truth;        // What the user accepted; at least one.
  std::vector<std::string> seen_titles;  // Titles named in the dialogue; they never count.
};

}  // namespace convrec::domain
