// Samples the completions of one prompt to their end.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/domain/completion.h"
#include "libs/domain/sampling_params.h"
#include "libs/domain/token_constraint.h"
#include "libs/engine/generation_engine.h"
#include "libs/text_model/choice_text.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::generate {

// Receives all completions as they grow, each identified by its index.
class CompletionObserver {
 public:
  virtual ~CompletionObserver() = default;
  virtual void OnDelta(int index, const text_model::TextDelta& delta) = 0;
  // Once per completion, as its last event. nullopt: it was stopped from outside.
  virtual void OnEnd(int index, std::optional<domain::FinishReason> reason) = 0;
};

struct GenerationInput {
  std::vector<int32_t> prompt_token_ids;
  domain::SamplingParams sampling;
  int num_completions = 1;
  std::vector<std::string> stops = {};
  domain::MakeTokenConstraint make_constraint = {};  // As in GenerationRequest.
};

struct GenerationFigures {
  int64_t num_tokens = 0;            // Drawn, for all completions.
  absl::Duration until_first_token;  // The prompt's share.
  absl::Duration total;
  bool was_stopped = false;

  // For the tokens after the first step; 0 if there are none.
  double TokensPerSecond() const;
  int64_t num_first_tokens = 0;  // Tokens of the first step that drew any.
};

// Steps an idle engine until all completions have ended or `should_stop`, which is called between
// steps, returns true; the engine is idle again afterwards. InvalidArgument if the engine cannot
// run the input.
absl::StatusOr<GenerationFigures> Generate(engine::GenerationEngine* engine,
                                           const tokenizer::Tokenizer& tokenizer,
                                           const base::Clock& clock,
                                           const GenerationInput& input,
                                           const std::function<bool()>& should_stop,
                                           CompletionObserver* observer);

}  // namespace convrec::generate
