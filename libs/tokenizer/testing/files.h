// Helpers of this folder's tests: small tokenizers in memory, and the fixtures of tests/golden.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "libs/base/files.h"
#include "libs/tokenizer/byte_alphabet.h"
#include "libs/tokenizer/tokenizer.h"
#include "tests/support/paths.h"

namespace convrec::tokenizer {

// The content of tests/golden/tokenizer/NAME.
inline std::string Fixture(const std::string& name) {
  const auto text = base::ReadFile(SourcePath("tests/golden/tokenizer/") + name);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

inline const nlohmann::json& Golden() {
  static const auto* const kGolden =
      new nlohmann::json(nlohmann::json::parse(Fixture("cases.json")));
  return *kGolden;
}

inline TokenizerFiles FixtureFiles(const std::string& family) {
  TokenizerFiles files;
  files.directory = family;
  files.tokenizer_json = Fixture(family + "/tokenizer.json");
  files.tokenizer_config_json = Fixture(family + "/tokenizer_config.json");
  return files;
}

// A tokenizer.json with the 256 bytes (ids 0..255 in the order of bytes), the merges "h e" and
// "l l" (256, 257), and the special token "<end>" (258).
inline nlohmann::json SmallTokenizer() {
  nlohmann::json vocab = nlohmann::json::object();
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    vocab[ToByteLevel(std::string_view(&c, 1))] = byte;
  }
  vocab["he"] = 256;
  vocab["ll"] = 257;
  return {{"added_tokens", {{{"id", 258}, {"content", "<end>"}, {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", {"h e", "l l"}}}}};
}

inline TokenizerFiles FilesOf(const nlohmann::json& tokenizer_json) {
  TokenizerFiles files;
  files.directory = "dir";
  files.tokenizer_json = tokenizer_json.dump();
  return files;
}

inline std::unique_ptr<const Tokenizer> MakeOrDie(const TokenizerFiles& files) {
  auto tokenizer = Tokenizer::Create(files);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  if (!tokenizer.ok()) std::abort();
  return *std::move(tokenizer);
}

}  // namespace convrec::tokenizer
