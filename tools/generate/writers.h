// Writes completions to standard output: as text while they grow, or as JSON lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/generate/generator.h"

namespace convrec::generate {

// Destination of the text; returns false when nobody reads it any more.
using TextSink = std::function<bool(std::string_view)>;

// Writes completions in the order of their indices: the first unfinished one is streamed, later
// ones wait for their turn. If there are several, each begins with a line "--- 2 of 3". Each ends
// with a line break.
class TextWriter final : public CompletionObserver {
 public:
  TextWriter(int num_completions, TextSink sink);
  void OnDelta(int index, const text_model::TextDelta& delta) override;
  void OnEnd(int index, std::optional<domain::FinishReason> reason) override;

  bool is_broken() const { return is_broken_; }  // The sink has returned false.

 private:
  struct Waiting {
    std::string text;
    bool has_ended = false;
  };
  void Write(std::string_view text);
  void Begin();

  const TextSink sink_;
  std::vector<Waiting> waiting_;
  size_t current_ = 0;  // The one being streamed.
  bool ends_with_line_break_ = true;
  bool is_broken_ = false;
};

// One JSON object per line and completion, in the order of their indices: index, text, tokens,
// logprobs, finish_reason ("stop", "length", or "interrupted"). Tokens are those that make up the
// text.
class JsonWriter final : public CompletionObserver {
 public:
  JsonWriter(int num_completions, TextSink sink);
  void OnDelta(int index, const text_model::TextDelta& delta) override;
  void OnEnd(int index, std::optional<domain::FinishReason> reason) override;

  bool is_broken() const { return is_broken_; }

 private:
  struct Completion {
    std::string text;
    std::vector<int32_t> tokens;
    std::vector<float> logprobs;
    std::string line;  // Set once it has ended.
  };
  const TextSink sink_;
  std::vector<Completion> completions_;
  size_t current_ = 0;  // The first one not yet written.
  bool is_broken_ = false;
};

}  // namespace convrec::generate
