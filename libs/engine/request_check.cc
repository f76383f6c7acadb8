#include "libs/engine/request_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "libs/engine/token_draw.h"

namespace convrec::engine {

PlannedGroup PlanOf(const GenerationRequest& request) {
  return {.prompt_tokens = static_cast<int>(request.prompt_token_ids.size()),
          .max_new_tokens = request.sampling.max_new_tokens,
          .num_siblings = request.num_siblings};
}

absl::Status CheckRequest(const GenerationRequest& request, const RequestLimits& limits) {
  if (request.prompt_token_ids.empty())
    return absl::InvalidArgumentError("the prompt has no token");
  for (const int32_t id : request.prompt_token_ids) {
    if (id < 0 || id >= limits.vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "prompt token ", id, " is outside the vocabulary of ", limits.vocab_size, " tokens"));
    }
  }
  if (const std::string fault = SamplingFault(request.sampling); !fault.empty())
    return absl::InvalidArgumentError(fault);
  const auto prompt_tokens = static_cast<int64_t>(request.prompt_token_ids.size());
  const std::string lengths = absl::StrCat(
      "a prompt of ", prompt_tokens, " tokens and an answer of ", request.sampling.max_new_tokens);
  if (prompt_tokens + request.sampling.max_new_tokens > limits.num_positions) {
    return absl::InvalidArgumentError(
        absl::StrCat(lengths, " exceed the model's context of ", limits.num_positions));
  }
  if (request.num_siblings <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a group of ", request.num_siblings, " lists: expected at least 1"));
  }
  if (request.num_top_logprobs < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_top_logprobs is ", request.num_top_logprobs, ": expected 0 or more"));
  }
  const PlannedGroup plan = PlanOf(request);
  if (FitsAlone(plan, limits.step)) return absl::OkStatus();
  const int needed =
      SharedBlocks(plan.prompt_tokens) + OwnBlocks(plan.prompt_tokens, plan.max_new_tokens);
  return absl::InvalidArgumentError(absl::StrCat(lengths,
                                                 " need ",
                                                 needed * limits.block_bytes,
                                                 " bytes of key-value memory, there are ",
                                                 limits.step.num_blocks * limits.block_bytes));
}

}  // namespace convrec::engine
