#include "services/learner/experience/prompt_feed.h"

#include "libs/base/check.h"
#include "libs/base/random.h"

namespace convrec::learner {

PromptFeed::PromptFeed(size_t num_prompts, uint64_t seed, int64_t cursor)
    : num_prompts_(num_prompts), seed_(seed), cursor_(cursor) {
  CR_CHECK(num_prompts > 0 && cursor >= 0);
}

domain::GroupId PromptFeed::Next() {
  const int64_t size = static_cast<int64_t>(num_prompts_);
  const int64_t pass = cursor_ / size;
  if (pass != order_pass_) {
    order_ = base::RandomPermutation(num_prompts_, seed_, static_cast<uint64_t>(pass));
    order_pass_ = pass;
  }
  const size_t offset = static_cast<size_t>(cursor_ % size);
  ++cursor_;
  return {.pass = pass, .prompt = static_cast<int64_t>(order_[offset])};
}

}  // namespace convrec::learner
