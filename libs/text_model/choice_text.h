// Turns one completion into text while its tokens are drawn: whole characters, stop strings, the
// finish reason, and which tokens produced which text.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "libs/domain/completion.h"
#include "libs/engine/generation_engine.h"
#include "libs/text/utf8.h"
#include "libs/text_model/stop_matcher.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::text_model {

struct ChoiceToken {
  engine::DrawnToken drawn;
  int text_offset = 0;  // Complete characters of the text before this token's bytes.
};

// What a token adds to the text.
struct TextDelta {
  std::string text;  // Valid UTF-8.
  // Tokens whose bytes have now been released or are in an incomplete character. A token is part of
  // the completion when at least one of its bytes is, or when it has no bytes; the stop token is
  // not.
  std::vector<ChoiceToken> tokens;

  bool empty() const { return text.empty() && tokens.empty(); }
};

// The concatenated texts of all deltas are the completion, however its tokens split characters and
// stop strings. Not thread-safe.
class ChoiceText final {
 public:
  struct Options {
    std::vector<std::string> stops;  // None may be empty.
    int max_tokens = 1;              // The limit that the engine draws to; > 0.
  };

  // `tokenizer` must outlive this object.
  ChoiceText(const tokenizer::Tokenizer* tokenizer, const Options& options);

  // Tokens drawn after the end are ignored.
  TextDelta Push(engine::DrawnToken token);

  // Set once a token has ended the completion: a stop token, a stop string, or the limit.
  const std::optional<domain::FinishReason>& end() const { return end_; }
  // Tokens drawn up to the end, including the one that ended it.
  int num_tokens() const { return num_tokens_; }

 private:
  struct HeldToken {
    ChoiceToken token;
    uint64_t begin = 0, end = 0;  // Bytes of the completion.
  };
  bool IsStopToken(int32_t id) const;
  // Characters before a token with these bytes. An incomplete character that they do not continue
  // becomes one U+FFFD.
  int OffsetOf(const std::string& bytes) const;

  const tokenizer::Tokenizer* const tokenizer_;
  const int max_tokens_;
  StopMatcher matcher_;
  text::Utf8Stream characters_;
  text::Utf8Stream all_characters_;  // Over all bytes drawn, for text_offset.
  std::deque<HeldToken> held_;
  uint64_t num_bytes_drawn_ = 0;
  uint64_t num_bytes_released_ = 0;
  int num_characters_ = 0;
  int num_tokens_ = 0;
  std::optional<domain::FinishReason> end_;
};

}  // namespace convrec::text_model
