#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/lists/testing/golden_cases.h"
#include "tests/support/paths.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

struct Outcome {
  int code = 0;
  std::string out;
  std::string error;
};

class ScoreVerbTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = base::JoinPath(dir_.path(), name);
    EXPECT_TRUE(base::WriteFileAtomically(path, text).ok());
    return path;
  }

  // The verbs as main() has them.
  static Outcome Run(std::vector<std::string> arguments) {
    CLI::App app;
    app.require_subcommand(1);
    Action action;
    AddScoreVerb(&app, &action);
    AddCatalogVerb(&app, &action);
    std::reverse(arguments.begin(), arguments.end());  // As the parser wants them.
    Outcome outcome;
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    try {
      app.parse(arguments);
      outcome.code = action();
    } catch (const CLI::ParseError& error) {
      outcome.code = app.exit(error) == 0 ? base::kExitOk : base::kExitUsage;
    }
    outcome.out = ::testing::internal::GetCapturedStdout();
    outcome.error = ::testing::internal::GetCapturedStderr();
    return outcome;
  }

  static std::vector<Json> JsonLinesOf(const std::string& text) {
    std::vector<Json> rows;
    for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty()))
      rows.push_back(Json::parse(std::string(line)));
    return rows;
  }

  base::TemporaryDirectory dir_;
  const std::string catalog_ = Write(
      "films.jsonl",
      "{\"title\":\"Heat\",\"year\":1995}\n{\"title\":\"Alien\",\"year\":1979,\"id\":\"tt1\"}\n"
      "{\"title\":\"Seven\",\"year\":1995,\"aliases\":[\"Se7en\"]}\n"
      "{\"title\":\"The Matrix\",\"year\":1999}\n");
  const std::string lists_ = Write(
      "lists.jsonl",
      Json{{"id", 7},
           {"text",
            "1. Heat (1995)\n2. Alien\n3. Matrix, The (1999)\n4. Se7en (1995)\n5. Heat (1995)\n"
            "6. Alien (1978)\n7. Qqqq (1999)"},
           {"groundtruth", {{{"title", "heat"}, {"year", 1994}}}},
           {"seen_titles", {"Seven"}}}
          .dump());
};

TEST_F(ScoreVerbTest, TheTableSaysWhy) {
  const Outcome outcome = Run({"score", "--catalog", catalog_, "--lists", lists_});
  EXPECT_EQ(outcome.code, base::kExitOk) << outcome.error;
  for (const char* const part :
       {"lists.jsonl:1 (7): 1 of 1 ground truths hit, mean reward 0.05, NDCG@20 0.0000",
        "   1       1  hit          Heat (1995) ",
        "ground truth 1, heat (1994)",
        "   2       0  malformed    2. Alien ",
        "there is no year",
        "not in the catalog; it has The Matrix (1999)",
        "   4       0  seen         Se7en (1995) ",
        "an alias of Seven (1995); the title is among the seen ones",
        "the item stands at an earlier rank",
        "not in the catalog; it has Alien (1979)",
        "not in the catalog, nor anything like it",
        "1 lists, catalog of 4 items",
        "exp_inf N=20 year_tolerance=2 by_line",
        "lines: 1 duplicate, 1 hit, 1 malformed, 3 off_catalog, 1 seen"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
}

TEST_F(ScoreVerbTest, LinesWithoutYearsAreScoredByTheirFormat) {
  const std::string songs = Write("songs.jsonl",
                                  "{\"title\":\"Blue\",\"artist\":\"Joni Mitchell\"}\n"
                                  "{\"title\":\"Hurt\",\"artist\":\"Johnny Cash\"}\n"
                                  "{\"title\":\"12\",\"artist\":\"Sneaker Pimps\"}\n");
  const std::string lists = Write(
      "lists.jsonl",
      Json{{"text", "1. 12 - Sneaker Pimps\n**Blue - Joni Mitchell**\nHurt - Johnny Cash\nSongs:"},
           {"groundtruth", {{{"title", "12"}, {"artist", "sneaker pimps"}}}},
           {"seen_titles", {"Hurt"}}}
          .dump());
  std::vector<std::string> command = {"score", "--catalog", songs, "--lists", lists};
  EXPECT_THAT(Run(command).error,
              HasSubstr("songs.jsonl:1: field \"year\" is missing; expected a whole number"));
  command.insert(command.end(), {"--line-format", "{title} - {artist}"});
  const Outcome outcome = Run(command);
  EXPECT_EQ(outcome.code, base::kExitOk) << outcome.error;
  for (const char* const part : {"hit          12 - Sneaker Pimps",
                                 "miss         Blue - Joni Mitchell",
                                 "seen         Hurt - Johnny Cash",
                                 "the line is not of the form \"{title} - {artist}\"",
                                 "lines: 1 hit, 1 malformed, 1 miss, 1 seen"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
}

TEST_F(ScoreVerbTest, JsonHoldsTheSame) {
  const Outcome outcome = Run({"score", "--catalog", catalog_, "--lists", lists_, "--json"});
  ASSERT_EQ(outcome.code, base::kExitOk) << outcome.error;
  const std::vector<Json> rows = JsonLinesOf(outcome.out);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["id"], "7");
  EXPECT_EQ(rows[0]["num_hits"], 1);
  EXPECT_EQ(rows[0]["rank_rewards"].size(), 20u);
  EXPECT_EQ(rows[0]["metrics"]["recall@5"], 0.0);  // Evaluation minds the case of "heat".
  const Json& lines = rows[0]["lines"];
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_EQ(lines[0]["ground_truth"], 0);
  EXPECT_EQ(lines[0]["reward"], 1.0);
  EXPECT_EQ(lines[0]["item"]["title"], "Heat");
  EXPECT_TRUE(lines[1]["title"].is_null());
  EXPECT_EQ(lines[3]["match"], "alias");
  EXPECT_TRUE(lines[3]["seen"].get<bool>());
  EXPECT_TRUE(lines[4]["duplicate"].get<bool>());
  EXPECT_EQ(lines[5]["suggestion"]["id"], "tt1");
  EXPECT_FALSE(lines[5]["in_catalog"].get<bool>());
  EXPECT_EQ(rows[1]["summary"]["lists"], 1);
  EXPECT_EQ(rows[1]["summary"]["outcomes"]["off_catalog"], 3);
}

// tests/field/README.md has the right values.
TEST_F(ScoreVerbTest, TitlesThatCleaningChangesHit) {
  const auto field = [](const std::string& name) {
    return SourcePath("tests/field/catalogs/" + name);
  };
  const Outcome outcome = Run(
      {"score", "--catalog", field("odd.jsonl"), "--lists", field("odd_lists.jsonl"), "--json"});
  ASSERT_EQ(outcome.code, base::kExitOk) << outcome.error;
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(JsonLinesOf(outcome.out)[0]["num_hits"], 16);
  const std::string truth = Write("truth.txt", "#Awake (2020)\n-30- (1959)\n");
  const std::string list = Write("list.txt", "1. -30- (1959)\n2. Toy Box (1995)\n");
  const Outcome text =
      Run({"score", "--catalog", field("odd.jsonl"), "--lists", list, "--truth", truth, "--json"});
  ASSERT_EQ(text.code, base::kExitOk) << text.error;
  EXPECT_EQ(JsonLinesOf(text.out)[0]["lines"][0]["ground_truth"], 1);
}

TEST_F(ScoreVerbTest, ALineThatLooksRightSaysWhichCharacterDiffers) {
  const Outcome outcome = Run({"score",
                               "--catalog",
                               SourcePath("tests/field/catalogs/nfd.jsonl"),
                               "--lists",
                               SourcePath("tests/field/catalogs/nfd_list.jsonl")});
  ASSERT_EQ(outcome.code, base::kExitOk) << outcome.error;
  for (const char* const part :
       {"which looks the same: character 3 is U+00E9 (LATIN SMALL LETTER E WITH ACUTE) in the line "
        "and U+0065 U+0301 (LATIN SMALL LETTER E, COMBINING ACUTE ACCENT) in the catalog",
        "which looks the same: character 4 is U+0027 (APOSTROPHE) in the line and U+2019 (RIGHT "
        "SINGLE QUOTATION MARK) in the catalog",
        "character 4 is U+0020 (SPACE) in the line and U+00A0 (NO-BREAK SPACE) in the catalog"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
  const std::string list = Write(
      "l.jsonl", "{\"text\":\"Don\u2019t Look (1999)\",\"groundtruth\":[[\"Don't Look\",1999]]}");
  EXPECT_THAT(
      Run({"score", "--catalog", SourcePath("tests/field/catalogs/nfd.jsonl"), "--lists", list})
          .out,
      HasSubstr("ground truth 1, Don't Look (1999), looks the same: character 4 is U+2019"));
}

TEST_F(ScoreVerbTest, CutoffsStopAtTheLengthOfAList) {
  const Outcome table =
      Run({"score", "--catalog", catalog_, "--lists", lists_, "data.num_ranks=7"});
  ASSERT_EQ(table.code, base::kExitOk) << table.error;
  EXPECT_THAT(table.out, HasSubstr("NDCG@7 0.0000, Recall@7 0.0000"));
  EXPECT_THAT(table.out, HasSubstr("@5 NDCG 0.0000 Recall 0.0000, @7 NDCG 0.0000 Recall 0.0000\n"));
  const Outcome json =
      Run({"score", "--catalog", catalog_, "--lists", lists_, "data.num_ranks=7", "--json"});
  const Json metrics = JsonLinesOf(json.out)[0]["metrics"];
  EXPECT_TRUE(metrics.contains("ndcg@7"));
  EXPECT_FALSE(metrics.contains("ndcg@10"));
}

TEST_F(ScoreVerbTest, WhatIsNotReadIsToldOrRefused) {
  const auto score = [&](const std::string& row) {
    return Run({"score", "--catalog", catalog_, "--lists", Write("l.jsonl", row)});
  };
  const Outcome misspelt = score("{\"text\":\"Heat (1995)\",\"seen\":[\"Heat\"]}");
  EXPECT_EQ(misspelt.code, base::kExitBadData);
  EXPECT_THAT(misspelt.error,
              HasSubstr("l.jsonl:1: field \"seen\" is unknown; did you mean \"seen_titles\"?"));
  const Outcome told = score(
      "{\"text\":\"Heat (1995)\",\"dialogue\":7,\"groundtruth_with_release_year\":"
      "[[\"Heat\",1995.0],[\"Alien\",null]]}");
  ASSERT_EQ(told.code, base::kExitOk) << told.error;
  EXPECT_THAT(told.out, HasSubstr("1 of 1 ground truths hit"));
  EXPECT_THAT(told.error, HasSubstr("l.jsonl: nothing reads the field \"dialogue\" of 1 rows"));
  EXPECT_THAT(told.error, HasSubstr("1 truths are left out because they have no year"));
}

TEST_F(ScoreVerbTest, FuzzyAndNearYearsAreOptionsAndFlagged) {
  const Outcome outcome = Run({"score",
                               "--catalog",
                               catalog_,
                               "--lists",
                               lists_,
                               "--json",
                               "reward.matching.fuzzy=token_sort",
                               "reward.matching.catalog_year_tolerance=1"});
  ASSERT_EQ(outcome.code, base::kExitOk) << outcome.error;
  const std::vector<Json> rows = JsonLinesOf(outcome.out);
  EXPECT_EQ(rows[0]["lines"][2]["match"], "fuzzy");
  EXPECT_EQ(rows[0]["lines"][2]["similarity"], 1.0);
  EXPECT_FALSE(rows[0]["lines"][2]["in_catalog"].get<bool>());
  EXPECT_EQ(rows[0]["lines"][5]["match"], "near_year");
  EXPECT_EQ(rows[1]["summary"]["rules"],
            "exp_inf N=20 year_tolerance=2 by_line catalog_year_tolerance=1 fuzzy=token_sort>=0.9");
}

TEST_F(ScoreVerbTest, APlainTextIsOneListAndTakesTheConfiguredRules) {
  const std::string list = Write("list.txt", "Alien (1979)\nHeat (1995)\n");
  const std::string truth = Write("truth.txt", "Heat (1995)\n");
  const Outcome outcome = Run({"score",
                               "--catalog",
                               catalog_,
                               "--lists",
                               list,
                               "--truth",
                               truth,
                               "--json",
                               "reward.rule=exp",
                               "reward.gamma=4",
                               "data.num_ranks=2"});
  ASSERT_EQ(outcome.code, base::kExitOk) << outcome.error;
  EXPECT_EQ(JsonLinesOf(outcome.out)[0]["rank_rewards"], Json({.25, 1}));
}

TEST_F(ScoreVerbTest, GroundTruthsMayStandApart) {
  const std::string lists =
      Write("l.jsonl", "{\"text\":\"Heat (1995)\"}\n{\"text\":\"Heat (1995)\"}");
  const std::string row = "{\"groundtruth\":[[\"Heat\",1995]]}\n";
  const Outcome outcome = Run({"score",
                               "--catalog",
                               catalog_,
                               "--lists",
                               lists,
                               "--truth",
                               Write("t.jsonl", row + "{\"groundtruth\":[]}"),
                               "--json"});
  ASSERT_EQ(outcome.code, base::kExitOk) << outcome.error;
  EXPECT_EQ(JsonLinesOf(outcome.out)[0]["num_hits"], 1);
  EXPECT_FALSE(JsonLinesOf(outcome.out)[1].contains("metrics"));  // Undefined without a truth.
  const Outcome short_truth =
      Run({"score", "--catalog", catalog_, "--lists", lists, "--truth", Write("t.jsonl", row)});
  EXPECT_EQ(short_truth.code, base::kExitBadData);
  EXPECT_THAT(short_truth.error, HasSubstr("has 1 rows; expected one for each of the 2 lists"));
}

TEST_F(ScoreVerbTest, RewardsEqualTheReference) {
  const auto cases = lists::ReadGoldenCases(SourcePath("tests/golden/reward_cases.jsonl.gz"));
  // The golden cases name the pairs that are in the catalog; here they share one.
  std::set<domain::Item> items;
  std::string lists;
  for (size_t i = 0; i < 200; ++i) {
    Json truths = Json::array();
    for (const domain::Item& item : cases[i].ground_truth)
      truths.push_back({item.title, item.year});
    lists += Json{{"completion", cases[i].completion},
                  {"groundtruth", truths},
                  {"seen_titles", cases[i].seen_titles}}
                 .dump() +
             "\n";
    for (const catalog::CatalogItem& entry : cases[i].catalog) items.insert(entry.item);
  }
  std::string catalog = "title,year\n";
  for (const domain::Item& item : items) {
    std::string quoted;
    for (const char c : item.title) quoted += c == '"' ? "\"\"" : std::string(1, c);
    catalog += absl::StrCat("\"", quoted, "\",", item.year, "\n");
  }
  const Outcome outcome = Run({"score",
                               "--catalog",
                               Write("golden.csv", catalog),
                               "--lists",
                               Write("golden.jsonl", lists),
                               "--json",
                               "compat=reference"});
  ASSERT_EQ(outcome.code, base::kExitOk) << outcome.error;
  const std::vector<Json> rows = JsonLinesOf(outcome.out);
  ASSERT_EQ(rows.size(), 201u);
  for (size_t i = 0; i < 200; ++i) {
    if (cases[i].num_ranks != 20) continue;
    ASSERT_EQ(rows[i]["rank_rewards"].get<std::vector<double>>(), cases[i].exp_inf) << i;
    ASSERT_NEAR(rows[i]["metrics"]["ndcg@20"].get<double>(), cases[i].ndcg[3], 1e-12) << i;
  }
}

TEST_F(ScoreVerbTest, BadInputIsOneSentence) {
  const std::string text = Write("list.txt", "Heat (1995)");
  const auto error_of = [&](const std::vector<std::string>& more, int code) {
    std::vector<std::string> arguments = {"score"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, code) << outcome.error;
    EXPECT_EQ(outcome.out, "");
    return outcome.error;
  };
  EXPECT_THAT(error_of({"--lists", text}, base::kExitBadConfig), HasSubstr("no catalog is named"));
  EXPECT_THAT(error_of({"--catalog", "/no/c.jsonl", "--lists", text}, base::kExitIo),
              HasSubstr("/no/c.jsonl"));
  EXPECT_THAT(error_of({"--catalog", catalog_, "--lists", "/no/l.txt"}, base::kExitIo),
              HasSubstr("/no/l.txt"));
  EXPECT_THAT(
      error_of({"--catalog", catalog_, "--lists", Write("e.txt", " \n")}, base::kExitBadData),
      HasSubstr("e.txt: there is no list"));
  EXPECT_THAT(error_of({"--catalog", catalog_, "--lists", Write("b.jsonl", "{\"text\":3}")},
                       base::kExitBadData),
              HasSubstr("b.jsonl:1: field \"text\" is 3; expected text"));
  EXPECT_THAT(error_of({"--catalog",
                        catalog_,
                        "--lists",
                        Write("p.jsonl", "{\"text\":\"x\",\"groundtruth\":[[\"Heat\"]]}")},
                       base::kExitBadData),
              HasSubstr("p.jsonl:1: field \"groundtruth\" holds something else"));
  EXPECT_THAT(
      error_of({"--catalog", catalog_, "--lists", text, "reward.rule=x"}, base::kExitBadConfig),
      HasSubstr("reward.rule"));
  EXPECT_EQ(Run({"score", "--catalog", catalog_}).code, base::kExitUsage);
}

TEST_F(ScoreVerbTest, AnIndexStandsForItsCatalog) {
  const std::string index = base::JoinPath(dir_.path(), "films.idx");
  const Outcome made = Run({"catalog", "index", "--catalog", catalog_, "--out", index});
  ASSERT_EQ(made.code, base::kExitOk) << made.error;
  EXPECT_THAT(made.out, HasSubstr("films.idx: 4 items, 5 names"));
  EXPECT_EQ(Run({"score", "--catalog", index, "--lists", lists_}).out,
            Run({"score", "--catalog", catalog_, "--lists", lists_}).out);
  const Outcome bad = Run({"catalog", "index", "--catalog", Write("bad.csv", "title,year\nA,x\n")});
  EXPECT_EQ(bad.code, base::kExitBadData);
  EXPECT_THAT(bad.error, HasSubstr("bad.csv:2: field \"year\" is \"x\""));
}

TEST_F(ScoreVerbTest, HelpTeaches) {
  const Outcome outcome = Run({"score", "--help"});
  EXPECT_EQ(outcome.code, base::kExitOk);
  for (const char* const part :
       {"--catalog", "--truth", "key=value", "A line hits when", "Examples:"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
}

}  // namespace
}  // namespace convrec::cli
