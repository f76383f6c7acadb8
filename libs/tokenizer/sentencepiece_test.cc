// Tokenizers of the SentencePiece kind: BPE over characters, bytes where a character has no token,
// and a mark for the space. tests/golden/make_sentencepiece_golden.py made the expected values with
// the Python package `tokenizers`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/text/utf8.h"
#include "libs/tokenizer/detokenizer.h"
#include "libs/tokenizer/testing/files.h"
#include "libs/tokenizer/tokenizer.h"
#include "libs/tokenizer/tokenizer_writer.h"

namespace convrec::tokenizer {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const Json& SentencePieceGolden() {
  static const auto* const kGolden = new Json(Json::parse(Fixture("sentencepiece.json")));
  return *kGolden;
}

// The base file with its top fields changed.
Json Changed(const Json& change) {
  Json json = SentencePieceGolden()["base"];
  for (const auto& [key, value] : change.items()) json[key] = value;
  return json;
}

const Json& CaseOf(const std::string& name) {
  for (const Json& one : SentencePieceGolden()["cases"]) {
    if (one["name"] == name) return one;
  }
  std::abort();
}

class ShapeTest : public testing::TestWithParam<std::string> {
 protected:
  const Json& golden_ = CaseOf(GetParam());
  const std::unique_ptr<const Tokenizer> tokenizer_ =
      MakeOrDie(FilesOf(Changed(golden_["change"])));
};

TEST_P(ShapeTest, IdsEqualThoseOfTheReference) {
  const Json& texts = SentencePieceGolden()["texts"];
  ASSERT_GT(golden_["ids"].size(), 50U);
  for (size_t i = 0; i < golden_["ids"].size(); ++i) {
    EXPECT_EQ(Json(tokenizer_->Encode(texts[i].get<std::string>())), golden_["ids"][i]) << texts[i];
  }
  EXPECT_EQ(Json(tokenizer_->Encode("", {.add_special_tokens = true})), golden_["prefix_ids"]);
}

TEST_P(ShapeTest, DecodedTextsEqualThoseOfTheReferenceWholeAndInIncrements) {
  for (size_t i = 0; i < golden_["ids"].size(); ++i) {
    const auto ids = golden_["ids"][i].get<std::vector<int32_t>>();
    const auto expected = golden_["decoded"][i].get<std::string>();
    EXPECT_EQ(text::ReplaceInvalidUtf8(tokenizer_->Decode(ids)), expected);
    Detokenizer detokenizer(tokenizer_.get());
    text::Utf8Stream characters;
    std::string streamed;
    for (const int32_t id : ids) streamed += characters.Push(detokenizer.Push(id));
    EXPECT_EQ(streamed + characters.Finish(), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         ShapeTest,
                         testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Json& one : SentencePieceGolden()["cases"])
                             names.push_back(one["name"]);
                           return names;
                         }()),
                         [](const auto& shape) { return shape.param; });

// "▁a" and "a" are tokens; a list line must have the same tokens wherever it occurs.
TEST(SentencePieceTest, ContinuationGetsNoSpaceInFront) {
  for (const char* shape : {"llama2", "mistral", "old_metaspace", "metaspace_always"}) {
    const auto tokenizer = MakeOrDie(FilesOf(Changed(CaseOf(shape)["change"])));
    const std::string line = "The Matrix (1999)\n";
    const std::vector<int32_t> once = tokenizer->Encode(line, {.continues_text = true});
    std::vector<int32_t> twice = once;
    twice.insert(twice.end(), once.begin(), once.end());
    EXPECT_EQ(tokenizer->Encode(line + line, {.continues_text = true}), twice) << shape;
    EXPECT_NE(tokenizer->Encode(line), once) << shape;
    std::string bytes;
    for (const int32_t id : once) bytes += tokenizer->TokenBytes(id);
    EXPECT_EQ(bytes, line) << shape;
  }
}

TEST(SentencePieceTest, PromptAndContinuationAreTheTokensOfTheWholeText) {
  const auto tokenizer = MakeOrDie(FilesOf(Changed(CaseOf("mistral")["change"])));
  std::vector<int32_t> ids = tokenizer->Encode("I like films.\n");
  const std::vector<int32_t> rest = tokenizer->Encode("Heat (1995)\n", {.continues_text = true});
  ids.insert(ids.end(), rest.begin(), rest.end());
  EXPECT_EQ(tokenizer->Encode("I like films.\nHeat (1995)\n"), ids);
}

TEST(SentencePieceTest, ByteTokensAreBytesAndNamesBelongToCharacters) {
  const auto tokenizer = MakeOrDie(FilesOf(SentencePieceGolden()["base"]));
  EXPECT_EQ(tokenizer->TokenBytes(3 + 0xC3), "\xC3");
  EXPECT_EQ(tokenizer->TokenText(1), "<s>");
  EXPECT_EQ(tokenizer->TokenBytes(1), "");
  // 'a' is a token in addition to the byte 0x61.
  const std::optional<int32_t> letter = tokenizer->IdOf("a");
  ASSERT_TRUE(letter.has_value());
  EXPECT_NE(*letter, 3 + 'a');
  EXPECT_EQ(tokenizer->TokenBytes(3 + 'a'), "a");
}

// Such tokenizers are in GGUF files.
TEST(SentencePieceTest, AVocabularyWithScoresIsWrittenAndReadAlike) {
  const Json& golden = SentencePieceGolden()["scored"];
  TokenizerSpec spec;
  spec.tokens = golden["tokens"].get<std::vector<std::string>>();
  spec.scores = golden["scores"].get<std::vector<float>>();
  spec.token_types.assign(spec.tokens.size(), TokenType::kNormal);
  spec.token_types[0] = TokenType::kUnknown;
  spec.token_types[1] = spec.token_types[2] = TokenType::kControl;
  for (size_t byte = 0; byte < 256; ++byte) spec.token_types[3 + byte] = TokenType::kByte;
  spec.unknown_id = 0;
  spec.bos_id = 1;
  spec.eos_id = 2;
  const base::TemporaryDirectory directory;
  ASSERT_TRUE(WriteTokenizerJson(spec, directory.path()).ok());
  const auto written = base::ReadFile(base::JoinPath(directory.path(), "tokenizer.json"));
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(Json::parse(*written)["model"]["merges"], golden["merges"]);
  const auto tokenizer = LoadTokenizer(directory.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  for (size_t i = 0; i < golden["ids"].size(); ++i) {
    const std::string text = SentencePieceGolden()["texts"][i];
    EXPECT_EQ(Json((*tokenizer)->Encode(text, {.add_special_tokens = true})), golden["ids"][i])
        << text;
  }
  EXPECT_EQ((*tokenizer)->eos_id(), 2);
}

TEST(SentencePieceTest, HolesStandForNoToken) {
  Json json = Changed(CaseOf("holes")["change"]);
  json["added_tokens"].push_back({{"id", 1000}, {"content", "<far>"}, {"special", true}});
  const auto tokenizer = MakeOrDie(FilesOf(json));
  EXPECT_EQ(tokenizer->TokenBytes(302), "");
  EXPECT_EQ(tokenizer->IdOf(""), std::nullopt);
  EXPECT_EQ(tokenizer->vocab_size(), 1001);
  EXPECT_THAT(tokenizer->Encode("<far>"), ElementsAre(1000));
  EXPECT_EQ(tokenizer->TokenText(1000), "<far>");
}

TEST(SentencePieceTest, StepsThatAreNotComputedAreNamed) {
  const auto error = [](const char* pointer, const Json& value) {
    Json json = SentencePieceGolden()["base"];
    json[Json::json_pointer(pointer)] = value;
    const auto tokenizer = Tokenizer::Create(FilesOf(json));
    return tokenizer.ok() ? "" : std::string(tokenizer.status().message());
  };
  const std::pair<std::string, std::string> kCases[] = {
      {error("/decoder", nullptr), "field \"decoder\" is missing"},
      {error("/decoder/decoders/0/type", "WordPiece"), "decoder.decoders[0].type\" is 'WordPiece'"},
      {error("/decoder/decoders/0/pattern", {{"Regex", "x"}}),
       "decoders[0].pattern.String\" is missing"},
      {error("/decoder/decoders/3/stop", 1), "decoder.decoders[3].stop\" must be 0"},
      {error("/decoder/decoders/3/content", "x"), "decoders[3].content\" must be one space"},
      {error("/decoder/decoders/2", {{"type", "ByteFallback"}}), "decoders[3]\" comes before Fuse"},
      {error("/decoder/decoders/3", {{"type", "ByteFallback"}}), "decoders[3]\" comes after Fuse"},
      {error("/normalizer/normalizers/1/pattern", {{"Regex", "("}}), "pattern\" is malformed"},
      {error("/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", ""}}),
       "replacement\" is empty"},
      {error("/pre_tokenizer",
             {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "last"}}),
       "pre_tokenizer.prepend_scheme\" is 'last'"},
  };
  for (const auto& [found, expected] : kCases) EXPECT_THAT(found, HasSubstr(expected));
}

TEST(SentencePieceTest, DigestTellsDecodersAndNormalizersApart) {
  const auto digest = [](const char* shape) {
    return MakeOrDie(FilesOf(Changed(CaseOf(shape)["change"])))->digest();
  };
  EXPECT_NE(digest("llama2"), digest("mistral"));
  EXPECT_NE(digest("llama2"), digest("unknown_fused"));
  EXPECT_NE(digest("metaspace_never"), digest("metaspace_always"));
}

}  // namespace
}  // namespace convrec::tokenizer
