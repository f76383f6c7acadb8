#include "libs/tokenizer/tokenizer_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "libs/base/files.h"
#include "libs/tokenizer/byte_alphabet.h"
#include "libs/tokenizer/families.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The 256 bytes, "ab" (256), "<s>" (257), "<e>" (258), "<t>" (259, text) and an unused row.
TokenizerSpec SmallSpec() {
  TokenizerSpec spec;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    spec.tokens.push_back(ToByteLevel(std::string_view(&c, 1)));
  }
  for (const char* token : {"ab", "<s>", "<e>", "<t>", "[PAD260]"}) spec.tokens.push_back(token);
  spec.token_types.assign(spec.tokens.size(), TokenType::kNormal);
  spec.token_types[257] = spec.token_types[258] = TokenType::kControl;
  spec.token_types[259] = TokenType::kUserDefined;
  spec.token_types[260] = TokenType::kUnused;
  spec.merges = {"a b"};
  spec.bos_id = 257;
  spec.eos_id = 258;
  return spec;
}

std::unique_ptr<const Tokenizer> WriteAndLoad(const TokenizerSpec& spec) {
  const base::TemporaryDirectory directory;
  const absl::Status status = WriteTokenizerJson(spec, directory.path());
  EXPECT_TRUE(status.ok()) << status;
  auto tokenizer = LoadTokenizer(directory.path());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

std::string ErrorOf(const TokenizerSpec& spec) {
  const base::TemporaryDirectory directory;
  return std::string(WriteTokenizerJson(spec, directory.path()).message());
}

TEST(TokenizerWriterTest, EveryFamilyIsReadBack) {
  for (const std::string& family : PreTokenizerFamilyNames()) {
    TokenizerSpec spec = SmallSpec();
    spec.pre_tokenizer = family;
    const auto tokenizer = WriteAndLoad(spec);
    ASSERT_NE(tokenizer, nullptr) << family;
    EXPECT_THAT(tokenizer->Encode("ab<e>a<t>"), ElementsAre(256, 258, 'a', 259)) << family;
    EXPECT_EQ(tokenizer->TokenBytes(259), "<t>");
    EXPECT_EQ(tokenizer->vocab_size(), 260);  // Without the unused row.
  }
}

TEST(TokenizerWriterTest, OnlyLlama3PutsBosInFrontByItself) {
  TokenizerSpec spec = SmallSpec();
  EXPECT_THAT(WriteAndLoad(spec)->Encode("a", {.add_special_tokens = true}), ElementsAre('a'));
  spec.pre_tokenizer = "llama-bpe";
  EXPECT_THAT(WriteAndLoad(spec)->Encode("a", {.add_special_tokens = true}), ElementsAre(257, 'a'));
  spec.add_bos_token = false;
  EXPECT_THAT(WriteAndLoad(spec)->Encode("a", {.add_special_tokens = true}), ElementsAre('a'));
}

TEST(TokenizerWriterTest, StopIdsAndTemplateAreReadBack) {
  TokenizerSpec spec = SmallSpec();
  spec.extra_stop_ids = {257, 258};
  spec.chat_template = "{{ 'x' }}\n";
  const auto tokenizer = WriteAndLoad(spec);
  EXPECT_THAT(tokenizer->stop_ids(), ElementsAre(257, 258));
  EXPECT_EQ(tokenizer->eos_id(), 258);
  EXPECT_EQ(tokenizer->bos_id(), 257);
  EXPECT_EQ(tokenizer->chat_template(), "{{ 'x' }}\n");
}

TEST(TokenizerWriterTest, OwnSplitRuleIsUsed) {
  TokenizerSpec spec = SmallSpec();
  spec.split_regex = "a";
  EXPECT_THAT(WriteAndLoad(spec)->Encode("ab"), ElementsAre('a', 'b'));
}

TEST(TokenizerWriterTest, BadSpecIsNamed) {
  TokenizerSpec spec = SmallSpec();
  spec.pre_tokenizer = "tekken";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("unknown pre-tokenizer 'tekken', expected one of smollm"));
  spec = SmallSpec();
  spec.eos_id = 260;
  EXPECT_THAT(ErrorOf(spec), HasSubstr("the EOS id 260 is outside the vocabulary of 260 tokens"));
  spec = SmallSpec();
  spec.merges.push_back("a c");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("merge 1 'a c' needs the token 'ac'"));
  spec.merges.back() = "ac";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("expected two tokens with a space between"));
  spec = SmallSpec();
  spec.tokens[258] = "<s>";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("tokens 257 and 258 have the same text '<s>'"));
  spec = SmallSpec();
  spec.token_types.pop_back();
  EXPECT_THAT(ErrorOf(spec), HasSubstr("261 tokens but 260 token types"));
  spec = SmallSpec();
  spec.token_types[0] = TokenType::kByte;
  EXPECT_THAT(ErrorOf(spec), HasSubstr("has type 6"));
  spec = SmallSpec();
  spec.tokens[259] = "\xFF";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("not valid UTF-8"));
}

}  // namespace
}  // namespace convrec::tokenizer
