// Text to token ids and back, for the tokenizers of Hugging Face model directories: BPE over bytes,
// or over characters as SentencePiece does it.
//
// Ids agree with the Python package `tokenizers`. Text is UTF-8; invalid bytes count as U+FFFD.
// Generated output is handled as bytes: the text of a completion is the concatenated TokenBytes()
// of its ids, and is never tokenized again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/leading_spaces.h"
#include "libs/tokenizer/special_ids.h"

namespace convrec::tokenizer {

struct EncodeOptions {
  // Adds the tokens of the post-processor (such as Llama-3's BOS) before and after the text.
  bool add_special_tokens = false;
  // Special tokens in the text, such as "<|im_end|>", become their ids. False: they are text like
  // any other.
  bool find_special_tokens = true;
  // The text continues another one, like an answer after its prompt. A tokenizer that puts a space
  // before a text then does not, and the TokenBytes() are exactly the text.
  bool continues_text = false;
};

// Immutable; thread-safe. Encode() keeps a cache of pieces behind locks.
class Tokenizer final {
 public:
  // InvalidArgument names the file and the field that is malformed or not supported.
  static absl::StatusOr<std::unique_ptr<const Tokenizer>> Create(const TokenizerFiles& files);
  ~Tokenizer();

  std::vector<int32_t> Encode(std::string_view text, const EncodeOptions& options = {}) const;
  // A text from its beginning: the joined TokenBytes(), without the space that the tokenizer puts
  // before a text. May end within a character, see Utf8Stream.
  std::string Decode(std::span<const int32_t> ids) const;

  // The bytes that generating `id` adds to the text: "" for special tokens and for ids that are not
  // tokens (models often have a few more rows than the tokenizer has tokens).
  const std::string& TokenBytes(int32_t id) const;
  // Like TokenBytes(), but special tokens give their name, such as "<|im_end|>".
  const std::string& TokenText(int32_t id) const;
  // The inverse of TokenText().
  std::optional<int32_t> IdOf(const std::string& token_text) const;
  bool IsSpecial(int32_t id) const;
  // One more than the largest id; some smaller ids may not be tokens.
  int32_t vocab_size() const;

  // What Decode() leaves out at the beginning of a text.
  LeadingSpaces leading_spaces() const;

  std::optional<int32_t> bos_id() const;
  std::optional<int32_t> eos_id() const;
  // All ids that end a generation, ascending: those that the model directory names, and the one
  // with which its chat template ends an answer. Empty if there is none.
  const std::vector<int32_t>& stop_ids() const;
  // The template of the directory, for ChatTemplate, and the one for chats with tools; "" = none.
  const std::string& chat_template() const;
  const std::string& tool_chat_template() const;
  // Tokens by the names that templates use for them, such as {"bos_token", "<s>"}.
  const std::vector<std::pair<std::string, std::string>>& named_tokens() const;
  // Warnings that callers should show to the user, one sentence each.
  const std::vector<std::string>& warnings() const;

  // Equal for tokenizers that give equal ids and stop at the same ones, however their files are
  // laid out.
  const std::string& digest() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

// Logs the tokenizer's warnings. NotFound if the directory has no tokenizer.json; other errors are
// those of Tokenizer::Create().
absl::StatusOr<std::unique_ptr<const Tokenizer>> LoadTokenizer(const std::string& model_directory);

}  // namespace convrec::tokenizer
