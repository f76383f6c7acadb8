// A single-byte tokenizer for tests of the text side: ids 0 to 255 are the bytes, kStopId is the
// special token "<|im_end|>" that ends a completion, kChatOpenId is "<|im_start|>".
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/check.h"
#include "libs/engine/generation_engine.h"
#include "libs/text_model/model_text.h"
#include "libs/tokenizer/byte_alphabet.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::text_model {

inline constexpr int32_t kStopId = 256;
inline constexpr int32_t kChatOpenId = 257;
inline constexpr int kByteVocabSize = 258;

inline std::unique_ptr<const tokenizer::Tokenizer> ByteTokenizer() {
  nlohmann::json vocab = nlohmann::json::object();
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    vocab[tokenizer::ToByteLevel(std::string_view(&c, 1))] = byte;
  }
  const auto special = [](int32_t id, const char* content) {
    return nlohmann::json{{"id", id}, {"content", content}, {"special", true}};
  };
  const nlohmann::json definition = {
      {"added_tokens",
       nlohmann::json::array(
           {special(kStopId, "<|im_end|>"), special(kChatOpenId, "<|im_start|>")})},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", nlohmann::json::array()}}}};
  tokenizer::TokenizerFiles files;
  files.directory = "test";
  files.tokenizer_json = definition.dump();
  files.tokenizer_config_json = nlohmann::json{
      {"eos_token", "<|im_end|>"},
      {"chat_template",
       "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
       "message['content'] "
       "+ '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt "
       "%}{{'<|im_start|>assistant\n'}}"
       "{% endif %}"}}.dump();
  auto tokenizer = tokenizer::Tokenizer::Create(files);
  CR_CHECK(tokenizer.ok(), tokenizer.status().ToString());
  return *std::move(tokenizer);
}

inline std::unique_ptr<const ModelText> ByteModelText(int context_length = 256) {
  return std::make_unique<const ModelText>(ByteTokenizer(),
                                           std::nullopt,
                                           tokenizer::ChatTemplate::Options{},
                                           context_length,
                                           kByteVocabSize);
}

// One token per byte.
inline std::vector<int32_t> BytesOf(std::string_view text) {
  std::vector<int32_t> ids;
  for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

// BytesOf(text) followed by the stop token.
inline std::vector<int32_t> Ended(std::string_view text) {
  std::vector<int32_t> ids = BytesOf(text);
  ids.push_back(kStopId);
  return ids;
}

}  // namespace convrec::text_model
