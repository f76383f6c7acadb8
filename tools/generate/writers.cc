#include "tools/generate/writers.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace convrec::generate {

TextWriter::TextWriter(int num_completions, TextSink sink)
    : sink_(std::move(sink)), waiting_(static_cast<size_t>(num_completions)) {
  Begin();
}

void TextWriter::OnDelta(int index, const text_model::TextDelta& delta) {
  if (static_cast<size_t>(index) == current_) return Write(delta.text);
  waiting_[static_cast<size_t>(index)].text += delta.text;
}

void TextWriter::OnEnd(int index, std::optional<domain::FinishReason>) {
  waiting_[static_cast<size_t>(index)].has_ended = true;
  while (current_ < waiting_.size() && waiting_[current_].has_ended) {
    if (!ends_with_line_break_) Write("\n");
    ++current_;
    if (current_ == waiting_.size()) return;
    Begin();
    Write(std::exchange(waiting_[current_].text, ""));
  }
}

void TextWriter::Begin() {
  if (waiting_.size() > 1) {
    Write(absl::StrCat("--- ", current_ + 1, " of ", waiting_.size(), "\n"));
  }
  ends_with_line_break_ = false;  // An empty completion is an empty line.
}

void TextWriter::Write(std::string_view text) {
  if (text.empty()) return;
  ends_with_line_break_ = text.back() == '\n';
  is_broken_ = is_broken_ || !sink_(text);
}

JsonWriter::JsonWriter(int num_completions, TextSink sink)
    : sink_(std::move(sink)), completions_(static_cast<size_t>(num_completions)) {}

void JsonWriter::OnDelta(int index, const text_model::TextDelta& delta) {
  Completion& completion = completions_[static_cast<size_t>(index)];
  completion.text += delta.text;
  for (const text_model::ChoiceToken& token : delta.tokens) {
    completion.tokens.push_back(token.drawn.token_id);
    completion.logprobs.push_back(token.drawn.logprob);
  }
}

void JsonWriter::OnEnd(int index, std::optional<domain::FinishReason> reason) {
  Completion& ended = completions_[static_cast<size_t>(index)];
  const char* reason_name = !reason                                    ? "interrupted"
                            : *reason == domain::FinishReason::kLength ? "length"
                                                                       : "stop";
  const nlohmann::ordered_json json = {{"index", index},
                                       {"text", ended.text},
                                       {"tokens", ended.tokens},
                                       {"logprobs", ended.logprobs},
                                       {"finish_reason", reason_name}};
  ended.line = json.dump() + "\n";
  for (; current_ < completions_.size() && !completions_[current_].line.empty(); ++current_) {
    is_broken_ = is_broken_ || !sink_(completions_[current_].line);
  }
}

}  // namespace convrec::generate
