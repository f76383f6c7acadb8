#include "libs/report/format.h"

#include <cmath>

#include "gtest/gtest.h"

namespace convrec::report {
namespace {

TEST(FormatTest, NumbersReadAsPeopleWriteThem) {
  EXPECT_EQ(Fixed(0.2141, 3), "0.214");
  EXPECT_EQ(Fixed(-0.0001, 2), "0.00");
  EXPECT_EQ(Percent(0.1251, 1), "12.5 %");
  EXPECT_EQ(Count(980), "980");
  EXPECT_EQ(Count(1930), "1.9k");
  EXPECT_EQ(Count(21400), "21k");
  EXPECT_EQ(Count(12.4e6), "12.4M");
  EXPECT_EQ(Compact(0.00042), "4.2e-4");
  EXPECT_EQ(Compact(5e-6), "5e-6");
  EXPECT_EQ(Compact(12.312), "12.3");
  EXPECT_EQ(Compact(0.25), "0.25");
  EXPECT_EQ(Compact(20), "20");
  EXPECT_EQ(Times(1.2388), "x1.24");
}

TEST(FormatTest, DurationsHaveTwoUnits) {
  EXPECT_EQ(Seconds(4.24), "4.2s");
  EXPECT_EQ(Seconds(59.6), "1m00s");
  EXPECT_EQ(Seconds(72), "1m12s");
  EXPECT_EQ(Seconds(11100), "3h05m");
}

TEST(FormatTest, ValuesThatAreNotFiniteAreDashes) {
  EXPECT_EQ(Fixed(std::nan(""), 2), "-");
  EXPECT_EQ(Percent(INFINITY, 1), "-");
  EXPECT_EQ(Count(std::nan("")), "-");
  EXPECT_EQ(Compact(std::nan("")), "-");
  EXPECT_EQ(Seconds(-1), "-");
}

TEST(FormatTest, MarkupIsEscapedAndControlCharactersAreReplaced) {
  EXPECT_EQ(EscapeHtml("<b>\"R&B\"</b> 'x'"), "&lt;b&gt;&quot;R&amp;B&quot;&lt;/b&gt; &#39;x&#39;");
  EXPECT_EQ(EscapeHtml(std::string("a\x1b[1m\n", 6)), "a\xEF\xBF\xBD[1m\n");
}

TEST(FormatTest, WidthCountsCodePoints) { EXPECT_EQ(DisplayWidth("L\xC3\xA9on"), 4u); }

}  // namespace
}  // namespace convrec::report
