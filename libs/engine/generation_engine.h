// The interface between the rollout worker and whatever samples tokens.
//
// Groups are added while others run. Every Step() draws one token for each running sequence, and a
// sequence that ends leaves at once. Each draw is a function of (seed, group, sibling, token
// number), so a group does not depend on what runs at the same time (beyond float rounding of the
// logits). One thread makes all calls; no call waits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/domain/completion.h"
#include "libs/domain/ids.h"
#include "libs/domain/sampling_params.h"
#include "libs/domain/token_constraint.h"

namespace convrec::engine {

// One prompt to sample for. `tag` is chosen by the caller and returned with the result.
struct GenerationRequest {
  int64_t tag = 0;
  uint64_t stream = 0;  // Identifies the group in the random draws.
  std::vector<int32_t> prompt_token_ids;
  int num_siblings = 1;  // G.
  domain::SamplingParams sampling;
  domain::MakeTokenConstraint make_constraint =
      {};                    // Called once per sibling; empty = all tokens are legal.
  int num_top_logprobs = 0;  // How many of the likeliest tokens to report with each drawn one.
};

struct GenerationResult {
  int64_t tag = 0;
  std::vector<domain::Completion> completions;  // In sibling order.
};

struct TokenLogprob {
  int32_t token_id = 0;
  float logprob = 0;
};

// A token as it is drawn, for callers that stream.
struct DrawnToken {
  int64_t tag = 0;
  int sibling = 0;
  int32_t token_id = 0;
  float logprob = 0;
  std::vector<TokenLogprob> top = {};  // Likeliest first; num_top_logprobs of them.
};

class GenerationEngine {
 public:
  virtual ~GenerationEngine() = default;

  // Queues the request. InvalidArgument when it can never run: empty prompt, prompt and answer
  // longer than the context, more siblings than the engine has rows, bad sampling values.
  virtual absl::Status Add(GenerationRequest request) = 0;

  // Starts queued groups that fit, draws one token for every running sequence, and returns the
  // groups that have become complete. Does nothing when idle.
  virtual absl::StatusOr<std::vector<GenerationResult>> Step() = 0;

  // Tokens drawn by the last Step(): those of one sibling in their order, siblings in no fixed
  // order. Forced tokens of a constrained sibling come several at a time.
  virtual const std::vector<DrawnToken>& drawn() const = 0;

  virtual int num_queued_groups() const = 0;
  virtual int num_running_groups() const = 0;
  virtual int num_running_sequences() const = 0;
  virtual bool idle() const = 0;

  // Drops one queued or running group; false when there is none with this tag.
  virtual bool Cancel(int64_t tag) = 0;

  // Ends one running sibling. What it has drawn is its completion, with finish reason kStop. False
  // when it is not running. The group's result comes with a later Step().
  virtual bool EndSibling(int64_t tag, int sibling) = 0;

  // Drops every queued and running group; returns their tags.
  virtual std::vector<int64_t> Abort() = 0;
};

}  // namespace convrec::engine
