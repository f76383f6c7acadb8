#include "libs/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/text/unicode_text.h"

namespace convrec::catalog {
namespace {

using ::testing::HasSubstr;

class CatalogTest : public ::testing::Test {
 protected:
  absl::StatusOr<Catalog> LoadText(const std::string& text) {
    const std::string path = base::JoinPath(dir_.path(), "catalog.jsonl");
    EXPECT_TRUE(base::WriteFileAtomically(path, text).ok());
    return Catalog::Load(path);
  }

  base::TemporaryDirectory dir_;
};

TEST_F(CatalogTest, LoadsItemsInFileOrder) {
  const auto catalog = LoadText(
      "{\"title\":\"Heat\",\"year\":1995,\"genres\":[\"crime\"],\"popularity\":2.5}\r\n\n"
      "{\"title\":\"Alien\",\"year\":1979}");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  ASSERT_EQ(catalog->size(), 2u);
  EXPECT_EQ(catalog->items()[0].genres, std::vector<std::string>{"crime"});
  EXPECT_EQ(catalog->items()[0].popularity, 2.5);
  EXPECT_EQ(catalog->IndexOf({"Alien", 1979}), 1u);
  EXPECT_TRUE(catalog->Contains({"Heat", 1995}));
  EXPECT_FALSE(catalog->Contains({"heat", 1995}));
  EXPECT_FALSE(catalog->Contains({"Heat", 1996}));
}

TEST_F(CatalogTest, FindsTitlesByKey) {
  const auto catalog = LoadText(
      "{\"title\":\"Heat\",\"year\":1995}\n{\"title\":\"x\",\"year\":1}\n"
      "{\"title\":\"HEAT\",\"year\":1986}");
  ASSERT_TRUE(catalog.ok());
  EXPECT_EQ(catalog->FindKey(text::TitleKey(" hEAT")), (std::vector<size_t>{0, 2}));
  EXPECT_TRUE(catalog->FindKey(text::TitleKey("Cold")).empty());
}

TEST_F(CatalogTest, DigestIsOfAllThatAScoreMayDependOn) {
  const auto digest_of = [this](const std::string& text) { return LoadText(text)->digest(); };
  const std::string a = "{\"title\":\"A\",\"year\":1}";
  const std::string digest = digest_of(a + "\n{\"title\":\"B\",\"year\":2}");
  EXPECT_EQ(digest.size(), 32u);
  EXPECT_EQ(digest, digest_of("{\"title\":\"B\",\"year\":2,\"id\":\"x\",\"popularity\":0}\n" + a));
  const std::vector<std::string> others = {
      "{\"title\":\"B\",\"year\":3}",
      "{\"title\":\"b\",\"year\":2}",
      "{\"title\":\"B\",\"year\":2,\"popularity\":1}",
      "{\"title\":\"B\",\"year\":2,\"aliases\":[\"C\"]}",
      "{\"title\":\"B\",\"year\":2,\"genres\":[\"C\"]}",
  };
  for (const std::string& other : others) EXPECT_NE(digest_of(a + "\n" + other), digest) << other;
}

TEST_F(CatalogTest, BadRowsAreNamedByFileLineAndField) {
  const std::string good = "{\"title\":\"A\",\"year\":1999}\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"year\":1999}", "catalog.jsonl:2: field \"title\" is missing"},
      {"{\"title\":7,\"year\":1999}", "catalog.jsonl:2: field \"title\" is 7; expected text"},
      {"{\"title\":\" \",\"year\":1999}", "catalog.jsonl:2: field \"title\" is blank"},
      {"{\"title\":\"B\",\"year\":\"1999\"}",
       "field \"year\" is \"1999\"; expected a whole number"},
      {"{\"title\":\"B\",\"year\":19.5}", "field \"year\" is 19.5; expected a whole number"},
      {"{\"title\":\"B\",\"year\":18446744073709551615}", "expected a whole number"},
      {"{\"title\":\"B\",\"year\":1,\"genres\":\"x\"}",
       "field \"genres\" is \"x\"; expected a list"},
      {"{\"title\":\"B\",\"year\":1,\"popularity\":-1}", "field \"popularity\" is negative"},
      {"{\"title\":\"A\",\"year\":1999}",
       "catalog.jsonl:2: field \"title\" repeats the item of line 1"},
      {"{\"title\":\"B\xff\",\"year\":1999}", "catalog.jsonl:2: not a JSON object in UTF-8"},
      {"[1]", "catalog.jsonl:2: not a JSON object"},
      {"{\"title\":", "catalog.jsonl:2: not a JSON object"},
  };
  for (const auto& [line, message] : cases) {
    const auto catalog = LoadText(good + line);
    EXPECT_TRUE(absl::IsInvalidArgument(catalog.status())) << line;
    EXPECT_EQ(base::ExitCodeOf(catalog.status()), base::kExitBadData);
    EXPECT_THAT(std::string(catalog.status().message()), HasSubstr(message));
  }
}

TEST_F(CatalogTest, EmptyCatalogIsAnError) {
  const auto catalog = LoadText("\n \n");
  EXPECT_TRUE(absl::IsInvalidArgument(catalog.status()));
  EXPECT_THAT(std::string(catalog.status().message()), HasSubstr("catalog is empty"));
}

TEST_F(CatalogTest, MissingFileAndFolderAreNamed) {
  const std::string missing = base::JoinPath(dir_.path(), "none.jsonl");
  EXPECT_THAT(std::string(Catalog::Load(missing).status().message()), HasSubstr("none.jsonl"));
  EXPECT_TRUE(absl::IsNotFound(Catalog::Load(missing).status()));
  EXPECT_FALSE(Catalog::Load(dir_.path()).ok());
}

}  // namespace
}  // namespace convrec::catalog
