#include "tools/generate/generator.h"

#include "libs/base/check.h"
#include "libs/base/status_macros.h"

namespace convrec::generate {

double GenerationFigures::TokensPerSecond() const {
  const int64_t later_tokens = num_tokens - num_first_tokens;
  const double seconds = absl::ToDoubleSeconds(total - until_first_token);
  return later_tokens > 0 && seconds > 0 ? static_cast<double>(later_tokens) / seconds : 0;
}

absl::StatusOr<GenerationFigures> Generate(engine::GenerationEngine* engine,
                                           const tokenizer::Tokenizer& tokenizer,
                                           const base::Clock& clock,
                                           const GenerationInput& input,
                                           const std::function<bool()>& should_stop,
                                           CompletionObserver* observer) {
  CR_CHECK(engine->idle());
  const absl::Time start = clock.Now();
  engine::GenerationRequest request;
  request.prompt_token_ids = input.prompt_token_ids;
  request.num_siblings = input.num_completions;
  request.sampling = input.sampling;
  request.make_constraint = input.make_constraint;
  CR_RETURN_IF_ERROR(engine->Add(std::move(request)));

  std::vector<text_model::ChoiceText> texts(
      static_cast<size_t>(input.num_completions),
      text_model::ChoiceText(&tokenizer,
                             {.stops = input.stops, .max_tokens = input.sampling.max_new_tokens}));
  GenerationFigures figures;
  int num_open = input.num_completions;
  while (num_open > 0 && !(figures.was_stopped = should_stop())) {
    CR_RETURN_IF_ERROR(engine->Step().status());
    if (figures.num_tokens == 0 && !engine->drawn().empty()) {
      figures.until_first_token = clock.Now() - start;
      figures.num_first_tokens = static_cast<int64_t>(engine->drawn().size());
    }
    for (const engine::DrawnToken& token : engine->drawn()) {
      ++figures.num_tokens;
      text_model::ChoiceText& text = texts[static_cast<size_t>(token.sibling)];
      if (text.end()) continue;
      const text_model::TextDelta delta = text.Push(token);
      if (!delta.empty()) observer->OnDelta(token.sibling, delta);
      if (!text.end()) continue;
      engine->EndSibling(token.tag, token.sibling);  // It knows nothing of stop strings.
      observer->OnEnd(token.sibling, text.end());
      --num_open;
    }
    if (num_open > 0 && engine->idle()) {
      return absl::InternalError("the engine ended a completion before its end");
    }
  }
  figures.total = clock.Now() - start;
  engine->Abort();
  for (int i = 0; i < input.num_completions; ++i) {
    if (!texts[static_cast<size_t>(i)].end()) observer->OnEnd(i, std::nullopt);
  }
  return figures;
}

}  // namespace convrec::generate
