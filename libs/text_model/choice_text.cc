#include "libs/text_model/choice_text.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"

namespace convrec::text_model {
namespace {

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

int NumCharacters(const std::string& valid_utf8) {
  return static_cast<int>(
      valid_utf8.size() -
      static_cast<size_t>(std::count_if(valid_utf8.begin(), valid_utf8.end(), IsContinuation)));
}

}  // namespace

ChoiceText::ChoiceText(const tokenizer::Tokenizer* tokenizer, const Options& options)
    : tokenizer_(tokenizer), max_tokens_(options.max_tokens), matcher_(options.stops) {
  CR_CHECK(max_tokens_ > 0);
}

TextDelta ChoiceText::Push(engine::DrawnToken token) {
  TextDelta delta;
  if (end_) return delta;
  ++num_tokens_;
  std::string released;
  if (IsStopToken(token.token_id)) {
    end_ = domain::FinishReason::kStop;
  } else {
    const std::string& bytes = tokenizer_->TokenBytes(token.token_id);
    held_.push_back(
        {{std::move(token), OffsetOf(bytes)}, num_bytes_drawn_, num_bytes_drawn_ + bytes.size()});
    num_bytes_drawn_ += bytes.size();
    num_characters_ += NumCharacters(all_characters_.Push(bytes));
    released = matcher_.Push(bytes);
    if (matcher_.found()) {
      end_ = domain::FinishReason::kStop;
    } else if (num_tokens_ == max_tokens_) {
      end_ = domain::FinishReason::kLength;
    }
  }
  if (end_) released += matcher_.Finish();
  num_bytes_released_ += released.size();
  delta.text = characters_.Push(released);
  if (end_) delta.text += characters_.Finish();

  // A stop string may begin inside a token, whose first bytes are then the end of the text.
  while (!held_.empty() && (held_.front().end <= num_bytes_released_ ||
                            (end_ && held_.front().begin < num_bytes_released_))) {
    delta.tokens.push_back(std::move(held_.front().token));
    held_.pop_front();
  }
  return delta;
}

int ChoiceText::OffsetOf(const std::string& bytes) const {
  if (bytes.empty() || IsContinuation(bytes[0])) return num_characters_;
  text::Utf8Stream broken = all_characters_;
  return num_characters_ + NumCharacters(broken.Finish());
}

bool ChoiceText::IsStopToken(int32_t id) const {
  const std::vector<int32_t>& stop_ids = tokenizer_->stop_ids();
  return std::binary_search(stop_ids.begin(), stop_ids.end(), id);
}

}  // namespace convrec::text_model
