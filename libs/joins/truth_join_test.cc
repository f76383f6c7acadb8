#include "libs/joins/truth_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/data/dialogue_reader.h"
#include "libs/joins/answer_join.h"
#include "tests/support/paths.h"

namespace convrec::joins {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

catalog::Catalog CatalogOf(const std::vector<domain::Item>& items) {
  std::vector<catalog::CatalogItem> entries;
  for (const domain::Item& item : items) entries.push_back({.item = item, .genres = {}});
  return *catalog::Catalog::FromItems(entries, "test");
}

data::DialogueRow RowOf(const std::vector<domain::Item>& truths,
                        const std::vector<std::string>& seen_titles = {}) {
  data::DialogueRow row;
  row.id = "r1";
  row.ground_truth = truths;
  row.seen_titles = seen_titles;
  return row;
}

catalog::Catalog FieldCatalog() {
  return *catalog::Catalog::Load(SourcePath("tests/field/training/catalog.jsonl"));
}
std::vector<data::DialogueRow> FieldRows(const std::string& name) {
  return data::ReadDialogues(SourcePath("tests/field/training/" + name), {})->rows;
}

TEST(TruthJoinTest, TruthsWrittenInAnotherWayThanTheCatalogAreNamed) {
  const TruthJoin join = JoinTruths(FieldCatalog(), FieldRows("gt_off.jsonl"), {});
  EXPECT_EQ(join.num_truths, 24);
  EXPECT_EQ(join.num_hittable, 0);
  EXPECT_EQ(join.num_rows_without, 24);
  EXPECT_EQ(join.share(), 0);
  EXPECT_EQ(
      DescribeTruths(join),
      "0 of 24 truths can be hit (24 not in the catalog; 24 of 24 rows have none), "
      "first that cannot: row t0, \"Moon, Dark (2012)\": not in the catalog, which has \"Dark "
      "Moon (2012)\"");
}

TEST(TruthJoinTest, EachFaultIsTold) {
  const catalog::Catalog catalog = CatalogOf({{"Heat", 1995},
                                              {"Alien", 1979},
                                              {"The Wall", 201},
                                              {"Don\u2019t Look", 1999},
                                              {"#Up", 2009}});
  const auto first_fault_of = [&](const domain::Item& truth,
                                  const std::vector<std::string>& seen_titles = {}) {
    return JoinTruths(catalog, {RowOf({truth}, seen_titles)}, {}).first_fault;
  };
  EXPECT_EQ(first_fault_of({"Heat", 1997}), "");
  EXPECT_EQ(first_fault_of({"#Up", 2009}), "");
  EXPECT_EQ(first_fault_of({"heat", 1990}),
            "row r1, \"heat (1990)\": the catalog has \"Heat (1995)\", 5 years away, and "
            "reward.year_tolerance is 2");
  EXPECT_THAT(first_fault_of({"Alien", 1979}, {"Alien"}), EndsWith("among the row's seen titles"));
  EXPECT_THAT(first_fault_of({"Alien", 1979}, {"Alien (1979)"}), HasSubstr("seen titles"));
  EXPECT_THAT(first_fault_of({"The Wall", 201}), EndsWith("is not read back as this item"));
  EXPECT_THAT(first_fault_of({"Qqqq", 2001}), EndsWith("not in the catalog, nor anything like it"));
  EXPECT_THAT(first_fault_of({"Don't Look", 1999}),
              HasSubstr("which looks the same: character 4 is U+0027 (APOSTROPHE) in the truth and "
                        "U+2019 (RIGHT SINGLE QUOTATION MARK) in the catalog"));
}

TEST(TruthJoinTest, TheReferenceReadsByTheGrammarAlone) {
  const catalog::Catalog catalog = CatalogOf({{"#Up", 2009}, {"Heat", 1995}});
  const std::vector<data::DialogueRow> rows = {RowOf({{"#Up", 2009}, {"Heat", 1995}})};
  const TruthJoin join = JoinTruths(catalog, rows, {.counting = lists::RankCounting::kReference});
  EXPECT_EQ(join.num_hittable, 1);
  EXPECT_THAT(join.num_by_fault, ElementsAre(0, 0, 0, 1));
  EXPECT_EQ(join.num_rows_without, 0);
}

TEST(TruthJoinTest, OdditiesAreToldWithTheirFirstCase) {
  const catalog::Catalog catalog = CatalogOf({{"Heat", 1986}, {"Heat", 1995}, {"Alien", 1979}});
  const TruthJoin join =
      JoinTruths(catalog, {RowOf({{"alien", 1979}}, {"Heat", "heat", "Ghost"})}, {});
  EXPECT_EQ(join.num_hittable, 1);
  EXPECT_THAT(
      DescribeOddities(join),
      ElementsAre(
          "1 truths count for rewards and not for evaluation, which compares titles as they "
          "are written, first: row r1, \"alien (1979)\": the catalog has \"Alien (1979)\"",
          "1 seen titles name several items and block none of them, first: row r1, \"Heat\" (2 "
          "items); \"Heat (1995)\" would block one",
          "1 seen titles are written otherwise than in the catalog and block nothing, first: "
          "row r1, \"heat\": the catalog has \"Heat (1986)\""));
  EXPECT_EQ(DescribeTruths(join), "all 1 truths can be hit");
}

TEST(AnswerJoinTest, LinesThatNameNoItemAreCounted) {
  data::DialogueRow row = RowOf({});
  row.completion = "1. Red Sea (1960)\nRed Road (1900)\nAny?\n";
  const AnswerJoin join = JoinAnswers(FieldCatalog(), {row}, {});
  EXPECT_EQ(DescribeAnswers(join),
            "1 of 3 lines of the answers name items of the catalog, first that does not: row r1, "
            "line 2, \"Red Road (1900)\"");
  EXPECT_EQ(JoinAnswers(FieldCatalog(), FieldRows("gt_off.jsonl"), {}).share(), 1);
}

}  // namespace
}  // namespace convrec::joins
