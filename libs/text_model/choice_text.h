// One completion as text while its tokens are drawn: whole characters, stop strings, the reason of
// its end, and which tokens stand behind which text.
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
  int text_offset = 0;  // Characters of the text that are complete before this token's bytes.
};

// What a token adds.
struct TextDelta {
  std::string text;  // Valid UTF-8.
  // Tokens whose bytes have now been given out or are in an open character. A token is part of the
  // completion when at least one byte of it is, or when it stands for no bytes; the stop token is
  // not.
  std::vector<ChoiceToken> tokens;

  bool empty() const { return text.empty() && tokens.empty(); }
};

// The texts of all deltas joined are the completion, however its tokens cut characters and stop
// strings. Not thread-safe.
class ChoiceText final {
 public:
  struct Options {
    std::vector<std::string> stops;  // None empty.
    int max_tokens = 1;              // The limit that the engine draws to; > 0.
  };

  // `tokenizer` must outlive the value.
  ChoiceText(const tokenizer::Tokenizer* tokenizer, const Options& options);

  // Tokens that are drawn after the end are left out.
  TextDelta Push(engine::DrawnToken token);

  // Set from the token on that ends the completion: a stop token, a stop string, or the limit.
  const std::optional<domain::FinishReason>& end() const { return end_; }
  // Tokens drawn up to the end, the one that ended it included.
  int num_tokens() const { return num_tokens_; }

 private:
  struct HeldToken {
    ChoiceToken token;
    uint64_t begin = 0, end = 0;  // Bytes of the completion.
  };
  bool IsStopToken(int32_t id) const;
  // Characters before a token of these bytes: an open character that they do not go on with becomes
  // one U+FFFD.
  int OffsetOf(const std::string& bytes) const;

  const tokenizer::Tokenizer* const tokenizer_;
  const int max_tokens_;
  StopMatcher matcher_;
  text::Utf8Stream characters_;
  text::Utf8Stream all_characters_;  // Of all bytes drawn, for text_offset.
  std::deque<HeldToken> held_;
  uint64_t num_bytes_drawn_ = 0;
  uint64_t num_bytes_released_ = 0;
  int num_characters_ = 0;
  int num_tokens_ = 0;
  std::optional<domain::FinishReason> end_;
};

}  // namespace convrec::text_model
