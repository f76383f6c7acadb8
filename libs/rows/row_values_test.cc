// Values that both kinds of rows read alike.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "libs/rows/csv_rows.h"
#include "libs/rows/json_rows.h"

namespace convrec::rows {
namespace {

TEST(RowValuesTest, AWholeNumberMayBeWrittenAsFloatingPoint) {
  const std::vector<std::pair<std::string, std::optional<int>>> cases = {
      {"1999", 1999},
      {"1999.0", 1999},
      {"-3.00", -3},
      {"1999.5", std::nullopt},
      {"2000000000", std::nullopt},
      {"1e300", std::nullopt},
  };
  for (const auto& [text, number] : cases) {
    EXPECT_EQ(WholeNumber(nlohmann::json::parse(text)), number) << text;
    EXPECT_EQ(WholeNumberIn(text), number) << text;
  }
  for (const char* const text : {"", "n/a", ".0", "1999.", "1999.0.0", "19 99"})
    EXPECT_EQ(WholeNumberIn(text), std::nullopt) << text;
  EXPECT_EQ(WholeNumber(nlohmann::json("1999")), std::nullopt);
}

}  // namespace
}  // namespace convrec::rows
