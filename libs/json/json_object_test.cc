#include "libs/json/json_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace convrec::json {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

template <typename T>
std::string MessageOf(const absl::StatusOr<T>& result) {
  EXPECT_TRUE(absl::IsInvalidArgument(result.status())) << result.status();
  return std::string(result.status().message());
}

const Json kDocument = Json::parse(R"({
  "name": "Heat", "year": 1995, "share": 0.5, "is_new": true, "none": null,
  "tags": ["a", "b"], "mixed": ["a", 1],
  "model": {"kind": "BPE", "vocab": [{"id": 3}, {"id": -1}], "odd": [{}, 7]}
})");

class JsonObjectTest : public ::testing::Test {
 protected:
  const JsonObject root_{&kDocument, "a.json"};
};

TEST_F(JsonObjectTest, FieldsOfTheRightKindAreRead) {
  EXPECT_EQ(*root_.String("name"), "Heat");
  EXPECT_EQ(*root_.Integer("year", 0, 3000), 1995);
  EXPECT_EQ(*root_.Number("share"), 0.5);
  EXPECT_EQ(*root_.Number("year"), 1995);
  EXPECT_TRUE(*root_.Bool("is_new"));
  EXPECT_THAT(*root_.Strings("tags"), ElementsAre("a", "b"));
  EXPECT_EQ(*root_.OneOf("name", {"Alien", "Heat"}), "Heat");
  EXPECT_EQ((*root_.Array("mixed"))->size(), 2u);
  EXPECT_EQ(*(*(*root_.Object("model")).Objects("vocab"))[0].Integer("id", 0, 9), 3);
}

TEST_F(JsonObjectTest, MissingFieldsTakeTheGivenValueOrAreErrors) {
  for (const char* field : {"other", "none"}) {
    EXPECT_FALSE(root_.Has(field));
    EXPECT_EQ(*root_.String(field, "x"), "x");
    EXPECT_EQ(*root_.Integer(field, 0, 9, -1), -1);  // The given value needs no range.
    EXPECT_TRUE(*root_.Bool(field, true));
    EXPECT_EQ(*root_.Number(field, 2.0), 2);
    EXPECT_EQ(*root_.OneOf(field, {"a"}, "a"), "a");
  }
  EXPECT_EQ(MessageOf(root_.String("other")), "a.json: field \"other\" is missing; expected text");
  EXPECT_EQ(MessageOf(root_.Object("none")),
            "a.json: field \"none\" is missing; expected an object");
}

TEST_F(JsonObjectTest, FieldsOfAnotherKindAreErrorsThatShowThem) {
  EXPECT_EQ(MessageOf(root_.String("year")), "a.json: field \"year\" is 1995; expected text");
  EXPECT_EQ(MessageOf(root_.String("year", "x")), "a.json: field \"year\" is 1995; expected text");
  EXPECT_EQ(MessageOf(root_.Integer("share", 0, 9)),
            "a.json: field \"share\" is 0.5; expected a whole number from 0 to 9");
  EXPECT_EQ(MessageOf(root_.Bool("name")),
            "a.json: field \"name\" is \"Heat\"; expected true or false");
  EXPECT_THAT(MessageOf(root_.Number("name")), HasSubstr("expected a number"));
  EXPECT_THAT(MessageOf(root_.Array("name")), HasSubstr("expected a list"));
  EXPECT_EQ(MessageOf(root_.OneOf("name", {"Alien", "Jaws"})),
            "a.json: field \"name\" is \"Heat\"; expected one of Alien, Jaws");
  EXPECT_EQ(MessageOf(root_.Strings("mixed")),
            "a.json: field \"mixed\" holds 1; expected a list of texts");
}

TEST_F(JsonObjectTest, ErrorsNameTheWholePath) {
  const JsonObject model = *root_.Object("model");
  EXPECT_EQ(MessageOf((*model.Objects("vocab"))[1].Integer("id", 0, 9)),
            "a.json: field \"model.vocab[1].id\" is -1; expected a whole number from 0 to 9");
  EXPECT_EQ(MessageOf(model.Objects("odd")),
            "a.json: field \"model.odd\" holds 7; expected a list of objects");
  EXPECT_EQ(model.Error("", "is odd").message(), "a.json: field \"model\" is odd");
}

TEST_F(JsonObjectTest, LongValuesAreCut) {
  const Json long_text = {{"text", std::string(100, 'x')}};
  EXPECT_EQ(
      MessageOf(JsonObject(&long_text, "a.json:3").Bool("text")),
      "a.json:3: field \"text\" is \"" + std::string(59, 'x') + "...; expected true or false");
}

TEST(ParseObjectTest, WhatIsNoObjectIsRefused) {
  EXPECT_TRUE(ParseObject(R"({"a": 1})", "a.json").ok());
  EXPECT_EQ(MessageOf(ParseObject("{\"a\": ", "a.json")), "a.json: is not valid JSON in UTF-8");
  EXPECT_EQ(MessageOf(ParseObject("{\"a\": \"\xFF\"}", "a.json")),
            "a.json: is not valid JSON in UTF-8");
  EXPECT_EQ(MessageOf(ParseObject("[1]", "a.json")), "a.json: is [1]; expected a JSON object");
}

TEST(ReadIntegerTest, OnlyWholeNumbersOfTheRangeAreRead) {
  int64_t value = 0;
  EXPECT_TRUE(ReadInteger(Json(5), 0, 5, &value));
  EXPECT_EQ(value, 5);
  for (const Json& other : {Json(6), Json(-1), Json(2.0), Json("5"), Json(UINT64_MAX)}) {
    EXPECT_FALSE(ReadInteger(other, 0, 5, &value)) << other;
    EXPECT_EQ(value, 5);
  }
}

}  // namespace
}  // namespace convrec::json
