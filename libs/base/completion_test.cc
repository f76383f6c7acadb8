#include "libs/base/completion.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace convrec::base {
namespace {

class CompletionTest : public ::testing::Test {
 protected:
  CompletionTest() {
    CLI::App* train = app_.add_subcommand("train", "Run the job. And more.");
    train->add_flag("--dry-run", flag_, "Start nothing.");
    train->add_option("-c,--config", text_, "A file.")->type_name("FILE");
    train->add_option("--dtype", text_, "Number type.")->check(CLI::IsMember({"F32", "BF16"}));
    train->add_option("overrides", texts_, "Values.")->type_name("key=value");
    CLI::App* shell = app_.add_subcommand("completion", "Print a script.");
    shell->add_option("shell", text_, "Which.")->check(CLI::IsMember({"bash", "zsh"}));
  }
  std::vector<std::string> Words(const std::vector<std::string>& typed) {
    std::vector<std::string> words;
    const KeyCompletion keys = [](const std::string& word) {
      return std::vector<Candidate>{{"key-after-" + word + "=", "Its help."}};
    };
    for (const Candidate& candidate : Complete(app_, typed, keys)) words.push_back(candidate.word);
    return words;
  }
  using List = std::vector<std::string>;

  CLI::App app_;
  bool flag_ = false;
  std::string text_;
  std::vector<std::string> texts_;
};

TEST_F(CompletionTest, VerbsComeFirst) {
  EXPECT_EQ(Words({""}), (List{"train", "completion"}));
  EXPECT_EQ(Words({"tr"}), List{"train"});
  EXPECT_EQ(Complete(app_, {"tr"}, {}), (std::vector<Candidate>{{"train", "Run the job"}}));
}

TEST_F(CompletionTest, OptionsAreThoseOfTheVerb) {
  EXPECT_EQ(Words({"train", "--d"}), (List{"--dry-run", "--dtype"}));
  EXPECT_EQ(Words({"completion", "--d"}), List{});
}

TEST_F(CompletionTest, AnOptionsValueIsOneOfItsWordsOrLeftToTheShell) {
  EXPECT_EQ(Words({"train", "--dtype", ""}), (List{"F32", "BF16"}));
  EXPECT_EQ(Words({"train", "--dtype", "B"}), List{"BF16"});
  EXPECT_EQ(Words({"train", "--config", ""}), List{});
  EXPECT_EQ(Words({"train", "-c", "--d"}), List{});  // The option's value, whatever it looks like.
  EXPECT_EQ(Words({"train", "-c", "x.yaml", "--dr"}), List{"--dry-run"});
}

TEST_F(CompletionTest, KeysStandWhereKeyValueIsExpected) {
  EXPECT_EQ(Words({"train", "le"}), List{"key-after-le="});
  EXPECT_EQ(Words({"completion", ""}), (List{"bash", "zsh"}));
}

}  // namespace
}  // namespace convrec::base
