#include "libs/data/dialogue_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/domain/year.h"
#include "tests/support/paths.h"

namespace convrec::data {
namespace {

using ::testing::HasSubstr;

// Turns single quotes into double ones.
std::string Json(std::string text) {
  std::replace(text.begin(), text.end(), '\'', '"');
  return text;
}

std::string OwnRow(const std::string& id) {
  return Json("{'id':'" + id +
              "','context':[{'role':'user','text':'hi'}],'seen_titles':['Heat'],"
              "'groundtruth':[{'title':'Alien','year':1979}]}\n");
}

class DialogueReaderTest : public ::testing::Test {
 protected:
  absl::StatusOr<DialogueRows> Read(const std::string& text,
                                    const RowRange& range = {},
                                    const text::LineFormat& format = {}) {
    const std::string path = base::JoinPath(dir_.path(), "rows.jsonl");
    EXPECT_TRUE(base::WriteFileAtomically(path, text).ok());
    return ReadDialogues(path, range, format);
  }

  base::TemporaryDirectory dir_;
};

TEST_F(DialogueReaderTest, ReadsOurColumns) {
  const auto result = Read(
      Json("{'id':'r','context':[{'role':'user','text':'hi'},{'role':'assistant','text':''}],"
           "'seen_titles':['Heat'],'groundtruth':[{'title':'Alien','year':1979}],'completion':'x',"
           "'teacher':'1. A'}"));
  ASSERT_TRUE(result.ok()) << result.status();
  const DialogueRow& row = result->rows.at(0);
  EXPECT_EQ(row.id, "r");
  EXPECT_EQ(row.turns_kind, TurnsKind::kDialogue);
  EXPECT_EQ(row.turns.size(), 2u);
  EXPECT_EQ(row.turns[0].text, "hi");
  EXPECT_EQ(row.ground_truth, (std::vector<domain::Item>{{"Alien", 1979}}));
  EXPECT_EQ(row.seen_titles, std::vector<std::string>{"Heat"});
  EXPECT_EQ(row.completion, "x");
  EXPECT_EQ(row.teacher, "1. A");
}

TEST_F(DialogueReaderTest, ReadsPublishedColumns) {
  const auto result = Read(
      Json("\n{'prompt':[{'role':'user','content':'Pretend'}],'completion':[{'role':'assistant',"
           "'content':'A (1999)'}],'groundtruth_with_release_year':[['Alien','1979'],['X','n/a'],"
           "['Heat',1995]],'seen_titles':[]}"));
  ASSERT_TRUE(result.ok()) << result.status();
  const DialogueRow& row = result->rows.at(0);
  EXPECT_EQ(row.id, "2");  // The line number takes the place of the id.
  EXPECT_EQ(row.turns_kind, TurnsKind::kChat);
  EXPECT_EQ(row.turns.at(0).text, "Pretend");
  EXPECT_EQ(row.ground_truth, (std::vector<domain::Item>{{"Alien", 1979}, {"Heat", 1995}}));
  EXPECT_EQ(result->num_truths_without_year, 1);
  EXPECT_EQ(row.completion, "A (1999)");
}

TEST_F(DialogueReaderTest, YearsMayBeFloatingPointAndTruthsWithoutOneAreCounted) {
  const auto result = ReadDialogues(SourcePath("tests/field/training/pairs.jsonl"), {});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->rows.size(), 24u);
  EXPECT_EQ(result->rows[0].ground_truth,
            (std::vector<domain::Item>{{"Dark Moon", 2012}, {"Cold Sea", 1999}}));
  EXPECT_EQ(result->num_truths_without_year, 48);  // One null and one "n/a" in each row.
  EXPECT_THAT(result->first_without_year, testing::EndsWith("pairs.jsonl:1: \"Red Sea\""));
  const auto own =
      Read(Json("{'id':1,'context':[{'role':'user','text':'hi'}],"
                "'groundtruth':[{'title':'A','year':1999.0}]}"));
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(own->rows[0].ground_truth, (std::vector<domain::Item>{{"A", 1999}}));
}

TEST_F(DialogueReaderTest, TruthsAreLinesWhereTheCatalogHasNoYears) {
  const auto format = *text::LineFormat::Parse("{title} - {artist}");
  const std::string turns = "{'id':'b','context':[{'role':'user','text':'hi'}],";
  for (const char* const truth :
       {"[{'title':'Blue','artist':'Joni','album':'x'}]", "['Blue - Joni']"}) {
    const auto result = Read(Json(turns + "'groundtruth':" + truth + "}"), {}, format);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->rows[0].ground_truth,
              (std::vector<domain::Item>{{"Blue - Joni", domain::kNoYear}}));
  }
  const auto error = [&](const std::string& fields) {
    return std::string(Read(Json(turns + fields + "}"), {}, format).status().message());
  };
  EXPECT_THAT(error("'groundtruth':[{'title':'Blue','year':1971}]"),
              testing::HasSubstr("field \"groundtruth[0].artist\" is missing; data.line_format "
                                 "\"{title} - {artist}\" writes it, and the row has title, year"));
  EXPECT_THAT(error("'groundtruth':['Blue\\nJoni']"), testing::HasSubstr("a line break"));
  EXPECT_THAT(std::string(Read(Json(turns + "'groundtruth':[{'title':'A'}]}")).status().message()),
              testing::HasSubstr("For items without a year set data.line_format"));
}

TEST_F(DialogueReaderTest, FieldsThatNothingReadsAreCounted) {
  std::string row = OwnRow("a");
  row.replace(0, 1, "{\"dialogue\":7,");
  const auto result = Read(row + OwnRow("b"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->num_rows_of_unknown_field,
              testing::ElementsAre(testing::Pair("dialogue", 1)));
}

TEST_F(DialogueReaderTest, RangePicksRowsAndLeavesTheOthersUnchecked) {
  const std::string text = "bad\n" + OwnRow("b") + "\n" + OwnRow("c") + "also bad\n";
  const auto result = Read(text, {.skip = 1, .take = 2});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->rows.size(), 2u);
  EXPECT_EQ(result->rows[0].id, "b");
  EXPECT_EQ(result->rows[1].id, "c");
  EXPECT_FALSE(Read(text, {.skip = 1}).ok());
  EXPECT_EQ(Read(OwnRow("a"), {.take = 5})->rows.size(), 1u);
}

TEST_F(DialogueReaderTest, BadRowsAreNamedByFileLineAndField) {
  const std::string turns = "'context':[{'role':'user','text':'hi'}]";
  const std::string truth = "'groundtruth':[{'title':'A','year':1979}]";
  const std::string chat = "{'prompt':[{'role':'user','content':'hi'}],";
  const std::string pairs = "'groundtruth_with_release_year':";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"nonsense", "rows.jsonl:2: not a JSON object"},
      {"{" + turns + "," + truth + "}", "rows.jsonl:2: field 'id' is missing"},
      {"{'id':''," + turns + "," + truth + "}", "field 'id' is empty"},
      {"{'id':'a'," + turns + "," + truth + "}", "field 'id' repeats 'a' of line 1"},
      {"{'id':'b'," + truth + "}", "field 'context' is missing; expected 'context' or 'prompt'"},
      {"{'id':'b','context':[]," + truth + "}", "field 'context' is empty"},
      {"{'id':'b','context':'hi'," + truth + "}", "field 'context' is 'hi'; expected a list"},
      {"{'id':'b','context':[{'role':'bot','text':''}]," + truth + "}",
       "field 'context[0].role' is 'bot'; expected 'system', 'user' or 'assistant'"},
      {"{'id':'b','context':[{'role':'user'}]," + truth + "}", "'context[0].text' is missing"},
      {"{'id':'b'," + turns + "}", "field 'groundtruth' is missing"},
      {"{'id':'b'," + turns + ",'groundtruth':[]}", "field 'groundtruth' is empty"},
      {"{'id':'b'," + turns + ",'groundtruth':[{'title':'A','year':'x'}]}",
       "field 'groundtruth[0].year' is 'x'; expected a whole number"},
      {"{'id':'b'," + turns + "," + truth + ",'seen_titles':[1]}", "field 'seen_titles' holds 1"},
      {"{'id':'b'," + turns + "," + truth + ",'teacher':[1]}", "field 'teacher' is [1]"},
      {chat + pairs + "[]}", "field 'groundtruth_with_release_year' is empty"},
      {chat + pairs + "[['A','?']]}", "field 'groundtruth_with_release_year' is empty"},
      {chat + pairs + "[['A']]}", "field 'groundtruth_with_release_year' holds an entry"},
      {chat + pairs + "7}", "field 'groundtruth_with_release_year' is not a list"},
      {chat + "'seen_titles':[]}", "field 'groundtruth_with_release_year' is missing"},
      {"{'id':'b'," + turns + ",'truth':[]}", "'truth' is unknown; did you mean 'groundtruth'?"},
      {"{'id':'b'," + turns + "," + truth + ",'seen':[]}",
       "rows.jsonl:2: field 'seen' is unknown; did you mean 'seen_titles'?"},
      {chat + pairs + "[['A',1]],'completion':[{'role':'user','content':''}]}",
       "field 'completion' has other turns"},
  };
  for (const auto& [line, message] : cases) {
    const auto result = Read(OwnRow("a") + Json(line));
    EXPECT_TRUE(absl::IsInvalidArgument(result.status())) << line;
    EXPECT_EQ(base::ExitCodeOf(result.status()), base::kExitBadData);
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(Json(message)));
  }
}

TEST_F(DialogueReaderTest, NoRowsAreAnError) {
  EXPECT_THAT(std::string(Read("").status().message()), HasSubstr("rows.jsonl: has 0 rows"));
  EXPECT_THAT(std::string(Read(OwnRow("a"), {.skip = 1}).status().message()),
              HasSubstr("has 1 row, none after skipping 1"));
  EXPECT_TRUE(absl::IsNotFound(ReadDialogues("/nonexistent/rows.jsonl", {}).status()));
}

TEST_F(DialogueReaderTest, ReadsRealConversations) {
  const std::string path = SourcePath("../shared/data/redial_valid_800.jsonl");
  if (!base::FileExists(path)) GTEST_SKIP() << "The ReDial rows are not here.";
  const auto result = ReadDialogues(path, {.skip = 100, .take = 700});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows.size(), 700u);
  EXPECT_EQ(result->rows.front().id, "redial-valid-100");
}

}  // namespace
}  // namespace convrec::data
