#include "libs/text/line_format.h"

#include <gtest/gtest.h>

#include <array>

#include "absl/strings/match.h"

namespace convrec::text {
namespace {

TEST(LineFormatTest, TheDefaultIsTitleAndYear) {
  const LineFormat format;
  EXPECT_TRUE(format.is_dated());
  EXPECT_EQ(format.Write(std::array<std::string, 2>{"Heat", "1995"}), "Heat (1995)");
  EXPECT_EQ(LineFormat::Parse(LineFormat::kTitleAndYear)->fields(), format.fields());
}

TEST(LineFormatTest, FieldsAreWrittenInTheirPlaces) {
  const LineFormat format = *LineFormat::Parse("<{title}> - {main-artist} [{id}]");
  EXPECT_FALSE(format.is_dated());
  EXPECT_EQ(format.fields(), (std::vector<std::string>{"title", "main-artist", "id"}));
  EXPECT_EQ(format.Write(std::array<std::string, 3>{"Blue", "Joni Mitchell", "7"}),
            "<Blue> - Joni Mitchell [7]");
}

TEST(LineFormatTest, ALineFitsWhenNothingBetweenTheFieldsIsMissing) {
  const LineFormat format = *LineFormat::Parse("{title} - {artist}");
  EXPECT_TRUE(format.Fits("Blue - Joni Mitchell"));
  EXPECT_TRUE(format.Fits("12 - Apes - The Monkeys"));
  for (const char* const line : {"Blue", " - Joni Mitchell", "Blue - ", "Blue -Joni", ""})
    EXPECT_FALSE(format.Fits(line)) << line;
  EXPECT_TRUE(LineFormat::Parse("{title} [{id}]")->Fits("[x] [7]"));
  EXPECT_FALSE(LineFormat::Parse("{title} [{id}]")->Fits("Blue [7"));
}

TEST(LineFormatTest, WhatIsNoTemplateIsRefusedWithItsReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "names no field"},
      {"title", "names no field"},
      {"{title", "\"{title\", which is no field"},
      {"{}", "\"{}\", which is no field"},
      {"{the title}", "\"{the title}\", which is no field"},
      {"title}", "\"}\" without \"{\""},
      {"{title} {title}", "names {title} twice"},
      {"{title}\n", "line break"},
      {" {title}", "begins or ends with a space"},
      {"{title}\xff", "not UTF-8"},
  };
  for (const auto& [text, reason] : cases) {
    const auto format = LineFormat::Parse(text);
    ASSERT_FALSE(format.ok()) << text;
    EXPECT_TRUE(absl::StrContains(format.status().message(), reason)) << format.status();
  }
}

}  // namespace
}  // namespace convrec::text
