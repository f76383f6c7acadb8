#include "libs/data/cooccurrence_teacher.h"

#include <gtest/gtest.h>

#include <set>

#include "libs/base/files.h"
#include "libs/data/dialogue_reader.h"
#include "libs/lists/list_parser.h"
#include "libs/text/unicode_text.h"
#include "tests/support/paths.h"

namespace convrec::data {
namespace {

using catalog::Catalog;
using domain::Item;
using lists::ListStyle;

DialogueRow Row(const std::vector<std::string>& seen, const std::vector<Item>& truth) {
  DialogueRow row;
  row.seen_titles = seen;
  row.ground_truth = truth;
  return row;
}

std::string Titles(const std::vector<Item>& items) {
  std::string titles;
  for (const Item& item : items) titles += item.title;
  return titles;
}

class CooccurrenceTeacherTest : public ::testing::Test {
 protected:
  // Films A to F of 2000; E is known to be popular.
  const Catalog catalog_ = *Catalog::FromItems({{{"A", 2000}, {}, 0},
                                                {{"B", 2000}, {}, 0},
                                                {{"C", 2000}, {}, 0},
                                                {{"D", 2000}, {}, 0},
                                                {{"E", 2000}, {}, 7},
                                                {{"F", 2000}, {}, 0},
                                                {{"G", 201}, {}, 9}},
                                               "test");
  const std::vector<DialogueRow> rows_ = {Row({"A"}, {{"C", 2000}}),
                                          Row({"a"}, {{"C", 2000}, {"D", 2000}}),
                                          Row({"B"}, {{"D", 2000}}),
                                          Row({"x"}, {{"B", 2000}, {"D", 2000}})};
  const CooccurrenceTeacher teacher_{&catalog_, rows_, ListStyle::kPlain};
};

TEST_F(CooccurrenceTeacherTest, OrderIsTruthThenCompanionsThenPopularity) {
  // With A: C twice, D once. With F: nothing. Truths: D 3, C 2, B 1; E by the catalog; then order.
  EXPECT_EQ(Titles(teacher_.Recommend(Row({"A"}, {{"F", 2000}}), 6)), "FCDBE");
  EXPECT_EQ(Titles(teacher_.Recommend(Row({}, {{"A", 2000}}), 6)), "ACDBEF");
}

TEST_F(CooccurrenceTeacherTest, SeenOffCatalogAndUnnameableItemsAreNeverListed) {
  EXPECT_EQ(Titles(teacher_.Recommend(Row({"c", "D"}, {{"C", 2000}, {"Z", 1}, {"G", 201}}), 20)),
            "BEAF");
}

TEST_F(CooccurrenceTeacherTest, TruthStandsForTheCatalogItemThatARewardAccepts) {
  EXPECT_EQ(teacher_.Completion(Row({}, {{"f", 2002}}), 1), "F (2000)");
  EXPECT_EQ(teacher_.Completion(Row({}, {{"F", 2003}}), 1), "D (2000)");  // Too far: by popularity.
}

TEST_F(CooccurrenceTeacherTest, ListEndsAtNItems) {
  EXPECT_EQ(teacher_.Completion(Row({"A"}, {{"F", 2000}, {"F", 2000}}), 2), "F (2000)\nC (2000)");
  EXPECT_EQ(CooccurrenceTeacher(&catalog_, rows_, ListStyle::kNumbered)
                .Completion(Row({"A"}, {{"F", 2000}}), 2),
            "1. F (2000)\n2. C (2000)");
}

TEST_F(CooccurrenceTeacherTest, RealRowsGiveFullCleanLists) {
  const std::string folder = SourcePath("../shared/data/");
  if (!base::FileExists(folder + "redial_valid_800.jsonl")) {
    GTEST_SKIP() << "The ReDial rows are not here.";
  }
  const Catalog catalog = *Catalog::Load(folder + "reddit_v2_catalog.jsonl");
  const std::vector<DialogueRow> rows =
      ReadDialogues(folder + "redial_valid_800.jsonl", {.take = 400})->rows;
  const CooccurrenceTeacher teacher(&catalog, rows, ListStyle::kNumbered);
  for (const DialogueRow& row : rows) {
    const std::vector<Item> items =
        lists::ParseList(teacher.Completion(row, 20), lists::RankCounting::kByLine).Items();
    ASSERT_EQ(items.size(), 20u) << row.id;
    ASSERT_EQ(text::TitleKey(items.front().title), text::TitleKey(row.ground_truth.front().title))
        << row.id;
    ASSERT_EQ(std::set<Item>(items.begin(), items.end()).size(), 20u) << row.id;
  }
}

}  // namespace
}  // namespace convrec::data
