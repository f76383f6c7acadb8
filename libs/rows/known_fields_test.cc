#include "libs/rows/known_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::rows {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

KnownFields Fields() {
  return KnownFields(
      {{"id"}, {"context", "prompt"}, {"groundtruth", "truth_pairs"}, {"seen_titles"}});
}

absl::Status CheckRow(KnownFields* fields, const std::string& row) {
  return ForEachJsonRowOf(
      row, "rows.jsonl", [fields](const JsonRow& json, int) { return fields->Check(json); });
}

TEST(KnownFieldsTest, AMisspeltFieldIsRefusedWithTheRightName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"seen", "seen_titles"},
      {"seen_title", "seen_titles"},
      {"Titles", "seen_titles"},
      {"truth", "groundtruth"},
      {"ground_truths", "groundtruth"},
      {"contxt", "context"},
  };
  for (const auto& [field, meant] : cases) {
    KnownFields fields = Fields();
    EXPECT_EQ(CheckRow(&fields, "{\"id\":1,\"" + field + "\":[]}").message(),
              "rows.jsonl:1: field \"" + field + "\" is unknown; did you mean \"" + meant + "\"?");
  }
}

TEST(KnownFieldsTest, OtherFieldsAreCounted) {
  KnownFields fields = Fields();
  EXPECT_TRUE(CheckRow(&fields, "{\"dialogue\":7,\"source\":1}\n{\"dialogue\":8}").ok());
  EXPECT_THAT(fields.num_rows_of_unknown(), ElementsAre(Pair("dialogue", 2), Pair("source", 1)));
}

TEST(KnownFieldsTest, AFieldThatTheRowHasIsNotMissing) {
  KnownFields fields = Fields();
  EXPECT_TRUE(
      CheckRow(&fields, "{\"prompt\":[],\"contexts\":[],\"seen_titles\":[],\"seen\":1}").ok());
  EXPECT_EQ(fields.num_rows_of_unknown().size(), 2u);
}

TEST(KnownFieldsTest, ShortWordsAreCloseToLittle) {
  for (const char* const field : {"uid", "date", "name", "type", "tags", "imdb_id"}) {
    EXPECT_EQ(CloseField(field, {"id", "title", "year", "genres", "popularity", "aliases"}), "")
        << field;
  }
}

}  // namespace
}  // namespace convrec::rows
