#include "libs/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "libs/base/random.h"
#include "libs/text/utf8.h"
#include "libs/tokenizer/testing/files.h"

namespace convrec::tokenizer {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string ErrorOf(const TokenizerFiles& files) {
  const auto tokenizer = Tokenizer::Create(files);
  return tokenizer.ok() ? "" : std::string(tokenizer.status().message());
}

std::string RandomText(base::RandomStream* random) {
  std::string text;
  const uint64_t length = random->Below(40);
  for (uint64_t i = 0; i < length; ++i) {
    // ASCII half of the time, otherwise any plane; surrogates become U+FFFD and stay valid.
    const uint64_t bound = random->Below(2) == 0 ? 0x80 : 0x110000;
    const auto c = static_cast<uint32_t>(random->Below(bound));
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
    } else if (c < 0x10000) {
      text += {static_cast<char>(0xE0 | (c >> 12)),
               static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
               static_cast<char>(0x80 | (c & 0x3F))};
    } else {
      text += {static_cast<char>(0xF0 | (c >> 18)),
               static_cast<char>(0x80 | ((c >> 12) & 0x3F)),
               static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
               static_cast<char>(0x80 | (c & 0x3F))};
    }
  }
  return text::ReplaceInvalidUtf8(text);
}

TEST(TokenizerTest, MergesApplyWithinPieces) {
  const auto tokenizer = MakeOrDie(FilesOf(SmallTokenizer()));
  EXPECT_THAT(tokenizer->Encode("hello"), ElementsAre(256, 257, 'o'));
  EXPECT_THAT(tokenizer->Encode("h e"), ElementsAre('h', ' ', 'e'));
}

TEST(TokenizerTest, SpecialTokenInTextIsFoundUnlessLeft) {
  const auto tokenizer = MakeOrDie(FilesOf(SmallTokenizer()));
  EXPECT_THAT(tokenizer->Encode("a<end>b"), ElementsAre('a', 258, 'b'));
  EXPECT_THAT(tokenizer->Encode("<end>", {.find_special_tokens = false}),
              ElementsAre('<', 'e', 'n', 'd', '>'));
}

TEST(TokenizerTest, TokenBytesAreWhatATokenAddsToTheText) {
  const auto tokenizer = MakeOrDie(FilesOf(SmallTokenizer()));
  EXPECT_EQ(tokenizer->TokenBytes(256), "he");
  EXPECT_EQ(tokenizer->TokenBytes(0xC3), "\xC3");
  EXPECT_EQ(tokenizer->TokenBytes(258), "");
  EXPECT_EQ(tokenizer->TokenText(258), "<end>");
  EXPECT_TRUE(tokenizer->IsSpecial(258));
  EXPECT_EQ(tokenizer->IdOf("<end>"), 258);
  EXPECT_EQ(tokenizer->IdOf("\n"), '\n');
  EXPECT_EQ(tokenizer->IdOf("absent"), std::nullopt);
}

TEST(TokenizerTest, IdsBeyondTheVocabularyAddNothing) {
  const auto tokenizer = MakeOrDie(FilesOf(SmallTokenizer()));
  EXPECT_EQ(tokenizer->vocab_size(), 259);
  EXPECT_EQ(tokenizer->Decode(std::vector<int32_t>{'a', 259, 1 << 30, -1, 'b'}), "ab");
}

TEST(TokenizerTest, AddedTokenThatIsTextGivesItsText) {
  Json json = SmallTokenizer();
  json["added_tokens"].push_back({{"id", 259}, {"content", "<tool é>"}, {"special", false}});
  const auto tokenizer = MakeOrDie(FilesOf(json));
  EXPECT_THAT(tokenizer->Encode("<tool é>"), ElementsAre(259));
  EXPECT_EQ(tokenizer->TokenBytes(259), "<tool é>");
}

TEST(TokenizerTest, BothFormsOfMergesGiveTheSameDigest) {
  Json json = SmallTokenizer();
  const auto strings = MakeOrDie(FilesOf(json));
  json["model"]["merges"] = Json::array({Json::array({"h", "e"}), Json::array({"l", "l"})});
  const auto pairs = MakeOrDie(FilesOf(json));
  EXPECT_EQ(strings->Encode("hello"), pairs->Encode("hello"));
  EXPECT_EQ(strings->digest(), pairs->digest());
}

TEST(TokenizerTest, DigestTellsTokenizersApart) {
  const auto digest = [](const TokenizerFiles& files) { return MakeOrDie(files)->digest(); };
  const std::string original = digest(FilesOf(SmallTokenizer()));
  Json json = SmallTokenizer();
  json["model"]["merges"] = {"l l", "h e"};
  EXPECT_NE(digest(FilesOf(json)), original);
  json = SmallTokenizer();
  json["pre_tokenizer"]["use_regex"] = false;
  EXPECT_NE(digest(FilesOf(json)), original);
  TokenizerFiles files = FilesOf(SmallTokenizer());
  files.config_json = R"({"eos_token_id": 258})";
  EXPECT_NE(digest(files), original);
}

TEST(TokenizerTest, StopIdsAreTheUnionOfAllFiles) {
  TokenizerFiles files = FilesOf(SmallTokenizer());
  files.tokenizer_config_json = R"({"bos_token": null, "eos_token": {"content": "<end>"}})";
  files.generation_config_json = R"({"bos_token_id": 7, "eos_token_id": [9, 8]})";
  files.config_json = R"({"bos_token_id": 5, "eos_token_id": 9})";
  const auto tokenizer = MakeOrDie(files);
  EXPECT_EQ(tokenizer->bos_id(), 7);
  EXPECT_EQ(tokenizer->eos_id(), 258);
  EXPECT_THAT(tokenizer->stop_ids(), ElementsAre(8, 9, 258));
}

TEST(TokenizerTest, WithoutConfigurationNothingStops) {
  const auto tokenizer = MakeOrDie(FilesOf(SmallTokenizer()));
  EXPECT_EQ(tokenizer->eos_id(), std::nullopt);
  EXPECT_THAT(tokenizer->stop_ids(), IsEmpty());
}

TEST(TokenizerTest, InvalidUtf8CountsAsReplacementCharacters) {
  const auto tokenizer = MakeOrDie(FilesOf(SmallTokenizer()));
  EXPECT_EQ(tokenizer->Encode("a\xFFz"), tokenizer->Encode("a\uFFFDz"));
  EXPECT_EQ(tokenizer->Encode("\xED\xA0\x80"), tokenizer->Encode("\uFFFD\uFFFD\uFFFD"));
}

TEST(TokenizerTest, RandomTextsComeBackUnchanged) {
  // The families whose vocabulary has all bytes; qwen2 normalizes, so it gets texts without that.
  Json qwen2 = Json::parse(Fixture("qwen2/tokenizer.json"));
  qwen2["normalizer"] = nullptr;
  for (const auto& files : {FilesOf(qwen2), FixtureFiles("llama3"), FilesOf(SmallTokenizer())}) {
    const auto tokenizer = MakeOrDie(files);
    base::RandomStream random(1, 2);
    for (int i = 0; i < 3000; ++i) {
      const std::string text = RandomText(&random);
      EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)), text);
    }
  }
}

TEST(TokenizerTest, VeryLongPieceIsEncodedInReasonableTime) {
  const auto tokenizer = MakeOrDie(FixtureFiles("llama3"));
  std::string text;
  for (int i = 0; i < 200000; ++i) text += static_cast<char>('a' + i * 7 % 26);
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)), text);
}

TEST(TokenizerTest, ManyThreadsGetTheSameIds) {
  const auto tokenizer = MakeOrDie(FixtureFiles("llama3"));
  const Json& texts = Golden()["texts"];
  const Json& ids = Golden()["families"]["llama3"]["ids"];
  std::vector<int> num_equal(4);
  std::vector<std::thread> threads;
  for (int& count : num_equal) {
    threads.emplace_back([&] {
      for (size_t i = 0; i < texts.size(); ++i) {
        count += Json(tokenizer->Encode(texts[i].get<std::string>())) == ids[i] ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : num_equal) EXPECT_EQ(count, static_cast<int>(texts.size()));
}

TEST(TokenizerErrorTest, MissingDirectoryIsNotFound) {
  const auto tokenizer = LoadTokenizer("/nonexistent");
  EXPECT_TRUE(absl::IsNotFound(tokenizer.status()));
  EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr("/nonexistent/tokenizer.json"));
}

TEST(TokenizerErrorTest, SentenceNamesFileAndField) {
  const auto with = [](const char* pointer, const Json& value) {
    Json json = SmallTokenizer();
    json[Json::json_pointer(pointer)] = value;
    return ErrorOf(FilesOf(json));
  };
  const std::pair<std::string, std::string> kCases[] = {
      {with("/model/vocab", nullptr), "dir/tokenizer.json: field \"model.vocab\" is missing"},
      {with("/model/vocab", Json::object()), "field \"model.vocab\" is empty"},
      {with("/model/vocab/he", -1), "field \"model.vocab\" gives the token 'he' no id"},
      {with("/model/vocab/he", 1.5), "gives the token 'he' no id"},
      {with("/model/vocab/he", 97), "gives id 97 to both"},
      {with("/model/vocab/he", 4000000),
       "field \"model.vocab\" has ids up to 4000000 for 259 tokens"},
      {with("/model/merges/1", "h x"), "field \"model.merges[1]\" merges 'h' and 'x'"},
      {with("/model/merges/1", "a b c"), "field \"model.merges[1]\" must be"},
      {with("/model/merges", 3), "field \"model.merges\" is 3; expected a list"},
      {with("/model/type", "Unigram"), "field \"model.type\" is 'Unigram'"},
      {with("/model/dropout", 0.5), "field \"model.dropout\""},
      {with("/model/unk_token", "<unk>"), "field \"model.unk_token\" is '<unk>'"},
      {with("/model/end_of_word_suffix", "</w>"),
       "field \"model.end_of_word_suffix\" must be empty"},
      {with("/pre_tokenizer", nullptr),
       "field \"decoder\" is missing, and the pre-tokenizer is not"},
      {with("/pre_tokenizer/type", "Metaspace"), "field \"pre_tokenizer.replacement\" is missing"},
      {with("/pre_tokenizer/type", "Punctuation"), "pre_tokenizer.type\" is 'Punctuation'"},
      {with("/pre_tokenizer", {{"type", "Digits"}}), "field \"decoder\" is missing"},
      {with("/pre_tokenizer/use_regex", 1),
       "field \"pre_tokenizer.use_regex\" is 1; expected true or false"},
      {with("/normalizer", {{"type", "Lowercase"}}), "field \"normalizer.type\" is 'Lowercase'"},
      {with("/post_processor", {{"type", "BertProcessing"}}), "field \"post_processor.type\""},
      {with("/added_tokens/0/id", 5), "field \"added_tokens[0]\" gives '<end>' the id 5"},
      {with("/added_tokens/0/content", ""), "field \"added_tokens[0].content\" is empty"},
      {ErrorOf(FilesOf(Json::array())), "dir/tokenizer.json: is []; expected a JSON object"},
  };
  for (const auto& [error, expected] : kCases) EXPECT_THAT(error, HasSubstr(expected));
}

TEST(TokenizerErrorTest, TruncatedFileIsNotJson) {
  TokenizerFiles files = FilesOf(SmallTokenizer());
  files.tokenizer_json.resize(files.tokenizer_json.size() / 2);
  EXPECT_EQ(ErrorOf(files), "dir/tokenizer.json: is not valid JSON in UTF-8");
}

TEST(TokenizerErrorTest, MalformedSplitIsNamed) {
  const auto with_split = [](const Json& pattern, const std::string& behavior) {
    Json json = SmallTokenizer();
    const Json split = {{"type", "Split"}, {"pattern", pattern}, {"behavior", behavior}};
    json["pre_tokenizer"] = {{"type", "Sequence"},
                             {"pretokenizers", {split, {{"type", "ByteLevel"}}}}};
    return ErrorOf(FilesOf(json));
  };
  EXPECT_EQ(with_split({{"Regex", "a+"}}, "Isolated"), "");
  EXPECT_THAT(with_split({{"Regex", "(a"}}, "Isolated"),
              HasSubstr("field \"pre_tokenizer.pretokenizers[0].pattern\" is malformed"));
  EXPECT_THAT(with_split({{"Regex", "[a&&[b]]"}}, "Isolated"), HasSubstr("not supported"));
  EXPECT_THAT(with_split({{"Regex", "a"}}, "Nested"), HasSubstr("behavior\" is 'Nested'"));
}

TEST(TokenizerErrorTest, SpecialTokenOutsideTheVocabularyIsNamed) {
  TokenizerFiles files = FilesOf(SmallTokenizer());
  files.tokenizer_config_json = R"({"eos_token": "</s>"})";
  EXPECT_THAT(ErrorOf(files),
              HasSubstr("dir/tokenizer_config.json: field \"eos_token\" is '</s>'"));
  files.tokenizer_config_json.clear();
  files.generation_config_json = R"({"eos_token_id": [3, 300]})";
  EXPECT_THAT(ErrorOf(files),
              HasSubstr("dir/generation_config.json: field \"eos_token_id\" is 300"));
  files.generation_config_json = R"({"eos_token_id": "</s>"})";
  EXPECT_THAT(ErrorOf(files), HasSubstr("must be a token id"));
}

// Damaged files may load or fail, but never crash, and what loads must still work.
TEST(TokenizerFuzzTest, DamagedFilesNeverCrash) {
  const std::string tokenizer_json = SmallTokenizer().dump();
  base::RandomStream random(3, 4);
  int num_loaded = 0;
  for (int round = 0; round < 1500; ++round) {
    TokenizerFiles files = FilesOf(SmallTokenizer());
    files.tokenizer_config_json = R"({"eos_token": {"content": "<end>"}, "bos_token": "he"})";
    files.generation_config_json = R"({"eos_token_id": [258, 3]})";
    std::string& text = round % 8 == 0   ? files.tokenizer_config_json
                        : round % 8 == 1 ? files.generation_config_json
                                         : files.tokenizer_json;
    const uint64_t num_flips = 1 + random.Below(3);
    for (uint64_t i = 0; i < num_flips; ++i) {
      // The vocabulary is most of the text: half of the damage goes to the rest.
      const size_t end = random.Below(2) == 0 ? std::min<size_t>(text.size(), 120) : text.size();
      const size_t position = random.Below(end);
      text[position] = static_cast<char>(text[position] ^ (1 << random.Below(8)));
    }
    if (random.Below(20) == 0) text.resize(random.Below(text.size()));
    const auto tokenizer = Tokenizer::Create(files);
    if (!tokenizer.ok()) continue;
    ++num_loaded;
    (*tokenizer)->Decode((*tokenizer)->Encode("hello <end> 12 \xFF"));
  }
  EXPECT_GT(num_loaded, 0);
}

TEST(TokenizerFuzzTest, DamagedRegexesNeverCrash) {
  const Json qwen2 = Json::parse(Fixture("qwen2/tokenizer.json"));
  const Json::json_pointer regex("/pre_tokenizer/pretokenizers/0/pattern/Regex");
  Json json = SmallTokenizer();
  json["pre_tokenizer"] = qwen2["pre_tokenizer"];
  base::RandomStream random(5, 6);
  for (int round = 0; round < 500; ++round) {
    std::string pattern = qwen2[regex];
    const size_t position = random.Below(pattern.size());
    pattern[position] = static_cast<char>(random.Below(0x80));
    json[regex] = pattern;
    const auto tokenizer = Tokenizer::Create(FilesOf(json));
    if (!tokenizer.ok()) continue;
    const std::string text = "It's 1999, isn't it?\r\n  \u00e9\u0301 x";
    EXPECT_EQ((*tokenizer)->Decode((*tokenizer)->Encode(text)), text) << pattern;
  }
}

}  // namespace
}  // namespace convrec::tokenizer
