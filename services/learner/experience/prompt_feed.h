// The seeded order in which prompts are handed out, pass after pass.
//
// The order is a pure function of (seed, number of prompts). The cursor is one number, so a resumed
// run continues exactly where it stopped. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "libs/domain/ids.h"

namespace convrec::learner {

class PromptFeed final {
 public:
  // `num_prompts` > 0. `cursor` is the number of groups handed out before.
  PromptFeed(size_t num_prompts, uint64_t seed, int64_t cursor = 0);

  domain::GroupId Next();
  int64_t cursor() const { return cursor_; }

 private:
  const size_t num_prompts_;
  const uint64_t seed_;
  int64_t cursor_;
  int64_t order_pass_ = -1;  // The pass `order_` belongs to.
  std::vector<size_t> order_;
};

}  // namespace convrec::learner
