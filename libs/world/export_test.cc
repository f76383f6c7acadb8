#include "libs/world/export.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "libs/catalog/catalog.h"
#include "libs/lists/list_parser.h"

namespace convrec::world {
namespace {

ExportOptions Small() {
  ExportOptions options;
  options.num_sft = 60;
  options.num_train = 40;
  options.num_validation = 20;
  options.num_test = 30;
  options.num_summary = 0;
  return options;
}

std::string Content(const base::TemporaryDirectory& directory, const std::string& name) {
  const auto text = base::ReadFile(base::JoinPath(directory.path(), name));
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? *text : "";
}

std::vector<nlohmann::json> Rows(const std::string& text) {
  std::vector<nlohmann::json> rows;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    if (!line.empty()) rows.push_back(nlohmann::json::parse(line));
  }
  return rows;
}

constexpr const char* kFiles[] = {
    "catalog.jsonl", "sft.jsonl", "train.jsonl", "validation.jsonl", "test.jsonl", "summary.json"};

TEST(ExportTest, EqualOptionsGiveEqualBytesAndAnotherSeedOthers) {
  const base::TemporaryDirectory first, second, other;
  ExportOptions options = Small();
  options.num_summary = 20;
  ASSERT_TRUE(ExportWorld(options, first.path()).ok());
  ASSERT_TRUE(ExportWorld(options, second.path()).ok());
  ExportOptions reseeded = options;
  reseeded.world.seed = 2;
  ASSERT_TRUE(ExportWorld(reseeded, other.path()).ok());
  for (const char* name : kFiles) {
    EXPECT_EQ(Content(first, name), Content(second, name)) << name;
    EXPECT_NE(Content(first, name), Content(other, name)) << name;
  }
}

TEST(ExportTest, AShorterSplitIsThePrefixOfALongerOne) {
  const base::TemporaryDirectory shorter, longer;
  ExportOptions options = Small();
  ASSERT_TRUE(ExportWorld(options, shorter.path()).ok());
  options.num_train = 50;
  ASSERT_TRUE(ExportWorld(options, longer.path()).ok());
  EXPECT_EQ(Content(longer, "train.jsonl").find(Content(shorter, "train.jsonl")), 0u);
  EXPECT_EQ(Content(longer, "test.jsonl"), Content(shorter, "test.jsonl"));
}

TEST(ExportTest, CompletionsAreTwentyNumberedCatalogFilmsThatWereNotSeen) {
  const base::TemporaryDirectory directory;
  ASSERT_TRUE(ExportWorld(Small(), directory.path()).ok());
  const auto catalog = catalog::Catalog::Load(base::JoinPath(directory.path(), "catalog.jsonl"));
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(catalog->size(), 1200u);
  const auto rows = Rows(Content(directory, "sft.jsonl"));
  ASSERT_EQ(rows.size(), 60u);
  for (const auto& row : rows) {
    const std::string completion = row["completion"];
    EXPECT_EQ(completion.rfind("1. ", 0), 0u);
    const auto items = lists::ParseList(completion, lists::RankCounting::kByLine).Items();
    EXPECT_EQ(std::set<domain::Item>(items.begin(), items.end()).size(), 20u) << completion;
    for (const domain::Item& item : items) {
      EXPECT_TRUE(catalog->Contains(item)) << item.title;
      for (const std::string seen : row["seen_titles"]) EXPECT_NE(item.title, seen);
    }
    EXPECT_FALSE(std::string(row["teacher"]).empty());
  }
}

TEST(ExportTest, PromptSplitsShareNoUserAndHaveNoCompletion) {
  const base::TemporaryDirectory directory;
  ASSERT_TRUE(ExportWorld(Small(), directory.path()).ok());
  std::set<std::string> ids, truths;
  size_t num_rows = 0;
  for (const char* name : {"sft.jsonl", "train.jsonl", "validation.jsonl", "test.jsonl"}) {
    for (const auto& row : Rows(Content(directory, name))) {
      ++num_rows;
      ids.insert(row["id"]);
      truths.insert(row["groundtruth"].dump());
      EXPECT_EQ(row.contains("completion"), std::string(name) == "sft.jsonl");
    }
  }
  EXPECT_EQ(num_rows, 60u + 40u + 20u + 30u);
  EXPECT_EQ(ids.size(), num_rows);
  EXPECT_EQ(truths.size(), num_rows);
}

TEST(ExportTest, PlainStyleAndUnfilledListsAreOptions) {
  const base::TemporaryDirectory directory;
  ExportOptions options = Small();
  options.style = lists::ListStyle::kPlain;
  options.fill_lists = false;
  const auto summary = ExportWorld(options, directory.path());
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(nlohmann::json::parse(*summary)["remap"]["filled"], 0);
  bool is_some_list_short = false;
  for (const auto& row : Rows(Content(directory, "sft.jsonl"))) {
    const std::string completion = row["completion"];
    EXPECT_NE(completion.rfind("1. ", 0), 0u);
    is_some_list_short |=
        lists::ParseList(completion, lists::RankCounting::kByLine).entries.size() < 20;
  }
  EXPECT_TRUE(is_some_list_short);
}

TEST(ExportTest, TheTeacherIsWorseThanWhatTheWordsAllow) {
  const base::TemporaryDirectory directory;
  ExportOptions options = Small();
  options.num_summary = 200;
  const auto summary = ExportWorld(options, directory.path());
  ASSERT_TRUE(summary.ok());
  const auto ndcg = nlohmann::json::parse(*summary)["ndcg20"];
  EXPECT_GT(ndcg["teacher_remapped"], ndcg["teacher"]);
  EXPECT_GT(double(ndcg["bayes_from_prompt"]), 1.3 * double(ndcg["teacher_remapped"]));
}

TEST(ExportTest, AFolderThatCannotBeMadeIsAnError) {
  EXPECT_FALSE(ExportWorld(Small(), "/dev/null/world").ok());
}

}  // namespace
}  // namespace convrec::world
