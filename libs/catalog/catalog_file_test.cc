// Catalog files: CSV, what JSON lines may contain in addition to title and year, and the index.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/catalog/catalog.h"
#include "libs/text/unicode_text.h"
#include "tests/support/paths.h"

namespace convrec::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CatalogFileTest : public ::testing::Test {
 protected:
  std::string PathOf(const std::string& name) const { return base::JoinPath(dir_.path(), name); }

  std::string Write(const std::string& name, const std::string& text) {
    EXPECT_TRUE(base::WriteFileAtomically(PathOf(name), text).ok());
    return PathOf(name);
  }

  std::string Read(const std::string& path) { return *base::ReadFile(path); }

  std::string ErrorOf(const std::string& name, const std::string& text) {
    const auto catalog = Catalog::Load(Write(name, text));
    EXPECT_TRUE(absl::IsInvalidArgument(catalog.status())) << text;
    EXPECT_EQ(base::ExitCodeOf(catalog.status()), base::kExitBadData);
    return std::string(catalog.status().message());
  }

  base::TemporaryDirectory dir_;
};

constexpr char kJsonLines[] =
    "{\"title\":\"Seven\",\"year\":1995,\"id\":807,\"genres\":[\"crime\",\"thriller\"],"
    "\"popularity\":2.5,\"aliases\":[\"Se7en\",\"Seven\",\"Se7en\"]}\n"
    "{\"title\":\"Heat, or \\\"Cold\\\"\",\"year\":1995,\"genres\":[\"crime\",\"thriller\"]}\n"
    "{\"title\":\"Amélie\",\"year\":2001,\"id\":\"tt0211915\"}\n";
constexpr char kCsv[] =
    "\xEF\xBB\xBFyear,title,id,genres,popularity,aliases,note\r\n"
    "1995,Seven,807,crime|thriller,2.5,Se7en|Seven,x\r\n"
    "1995,\"Heat, or \"\"Cold\"\"\",,crime|thriller,,,\"a\r\nb\"\r\n"
    "\r\n"
    "2001,Amélie,tt0211915,,0,,";

TEST_F(CatalogFileTest, CsvAndJsonLinesHoldTheSame) {
  const auto json = Catalog::Load(Write("c.jsonl", kJsonLines));
  const auto csv = Catalog::Load(Write("c.CSV", kCsv));
  ASSERT_TRUE(json.ok() && csv.ok()) << json.status() << csv.status();
  for (const Catalog& catalog : {*json, *csv}) {
    ASSERT_EQ(catalog.size(), 3u);
    EXPECT_EQ(catalog.title(1), "Heat, or \"Cold\"");
    EXPECT_EQ(catalog.year(2), 2001);
    EXPECT_EQ(catalog.popularity(0), 2.5);
    EXPECT_EQ(catalog.popularity(1), 0);
    EXPECT_EQ(catalog.id(0), "807");
    EXPECT_EQ(catalog.id(1), "");
    EXPECT_EQ(catalog.id(2), "tt0211915");
    EXPECT_THAT(catalog.genres(1), ElementsAre("crime", "thriller"));
    EXPECT_THAT(catalog.genres(2), ElementsAre());
    EXPECT_THAT(catalog.aliases(0), ElementsAre("Se7en"));
    EXPECT_EQ(catalog.IndexOf({"Se7en", 1995}), 0u);
    EXPECT_THAT(catalog.FindKey("se7en"), ElementsAre(0));
  }
  EXPECT_EQ(json->digest(), csv->digest());
}

TEST_F(CatalogFileTest, BadCsvIsNamedByFileLineAndField) {
  const std::string good = "title,year\nA,1999\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"name,year\nA,1999\n", "c.csv:1: the head is name,year; expected one column \"title\""},
      {"title,year,title\nA,1,B\n", "expected one column \"title\""},
      {good + "B\n", "c.csv:3: the record has 1 fields; expected 2"},
      {good + "B,19x\n", "c.csv:3: field \"year\" is \"19x\"; expected a whole number"},
      {good + "B,\n", "c.csv:3: field \"year\" is missing; expected a whole number"},
      {good + "B,0\n", "c.csv:3: field \"year\" is 0; expected a year"},
      {"title\nA\n", "c.csv:2: field \"year\" is missing; expected a whole number"},
      {good + " ,1\n", "c.csv:3: field \"title\" is blank"},
      {good + "\"B\nC\",1\n", "c.csv:3: field \"title\" is blank or has a line break"},
      {good + "\n\"B\",1\nA,1999\n", "c.csv:5: field \"title\" repeats the item of line 2"},
      {good + "\"B,1\n", "c.csv:3: a quoted field does not end"},
      {good + "\"B\"x,1\n", "c.csv:3: text follows a closing quote"},
      {good + "B\"x\",1\n", "c.csv:3: a quote stands inside a field"},
      {good + "B\xFF,1\n", "c.csv:3: the text is not UTF-8"},
      {"title,year,popularity\nA,1,-2\n", "c.csv:2: field \"popularity\" is negative"},
      {"title,year,popularity\nA,1,inf\n", "c.csv:2: field \"popularity\" is \"inf\""},
      {"title,year\n", "the catalog is empty"},
      {"", "the catalog is empty"},
  };
  for (const auto& [text, message] : cases)
    EXPECT_THAT(ErrorOf("c.csv", text), HasSubstr(message)) << text;
}

TEST_F(CatalogFileTest, ATitleThatHoldsItsYearIsRefused) {
  const auto field = Catalog::Load(SourcePath("tests/field/catalogs/year_in_title.jsonl"));
  EXPECT_EQ(base::ExitCodeOf(field.status()), base::kExitBadData);
  EXPECT_THAT(std::string(field.status().message()),
              HasSubstr("year_in_title.jsonl:1: field \"title\" is \"Toy Box (1995)\", which holds "
                        "the year that lines add to it, as in \"Toy Box (1995) (1995)\""));
  EXPECT_THAT(ErrorOf("c.csv", "title,year\nFIFA (2020),2020\n"), HasSubstr("c.csv:2: field"));
  EXPECT_TRUE(Catalog::Load(Write("c.csv", "title,year\nFIFA (2020),2019\n")).ok());
}

TEST_F(CatalogFileTest, AMisspeltFieldIsRefusedAndOthersMeanNothing) {
  EXPECT_THAT(ErrorOf("c.jsonl", "{\"title\":\"A\",\"year\":1999,\"genre\":[\"x\"]}"),
              HasSubstr("c.jsonl:1: field \"genre\" is unknown; did you mean \"genres\"?"));
  EXPECT_THAT(ErrorOf("c.csv", "title,year,alias\nA,1999,B\n"),
              HasSubstr("c.csv:2: field \"alias\" is unknown; did you mean \"aliases\"?"));
  const auto catalog = Catalog::Load(
      Write("c.jsonl", "{\"title\":\"A\",\"year\":1999.0,\"plot\":\"x\",\"star\":[\"y\"]}"));
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(catalog->year(0), 1999);
}

TEST_F(CatalogFileTest, ANameStandsForOneItem) {
  const std::string heat = "{\"title\":\"Heat\",\"year\":1995,\"id\":\"a\"}\n";
  const auto with = [&heat](const std::string& fields) {
    return absl::StrCat(heat, "{\"title\":\"B\",\"year\":1995,", fields, "}");
  };
  EXPECT_THAT(
      ErrorOf("c.jsonl", with("\"aliases\":[\"Heat\"]")),
      HasSubstr("c.jsonl:2: field \"aliases\" holds a name of the item of line 1, Heat (1995)"));
  EXPECT_THAT(ErrorOf("c.jsonl", with("\"aliases\":[\" \"]")),
              HasSubstr("c.jsonl:2: field \"aliases\" holds a title that is blank"));
  EXPECT_THAT(ErrorOf("c.jsonl", with("\"aliases\":\"x\"")),
              HasSubstr("c.jsonl:2: field \"aliases\" is \"x\"; expected a list"));
  EXPECT_THAT(ErrorOf("c.jsonl", with("\"id\":\"a\"")),
              HasSubstr("c.jsonl:2: field \"id\" repeats the id a of line 1"));
  EXPECT_THAT(ErrorOf("c.jsonl", with("\"id\":1.5")),
              HasSubstr("c.jsonl:2: field \"id\" is 1.5; expected text"));
  // The same alias in another year is another name.
  EXPECT_TRUE(Catalog::Load(
                  Write("c.jsonl", heat + "{\"title\":\"B\",\"year\":1996,\"aliases\":[\"Heat\"]}"))
                  .ok());
}

TEST_F(CatalogFileTest, AnIndexHoldsTheCatalog) {
  const std::string path = Write("c.jsonl", kJsonLines);
  const std::string index = PathOf("c.idx");
  const auto built = Catalog::Load(path, {.index_path = index});
  ASSERT_TRUE(built.ok()) << built.status();
  // From the file with its index, and from the index alone.
  for (const auto& loaded : {Catalog::Load(path, {.index_path = index}), Catalog::Load(index)}) {
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->digest(), built->digest());
    EXPECT_EQ(loaded->size_bytes(), Read(index).size());
    for (size_t i = 0; i < built->size(); ++i) {
      EXPECT_EQ(loaded->ItemAt(i).item, built->ItemAt(i).item);
      EXPECT_EQ(loaded->ItemAt(i).genres, built->ItemAt(i).genres);
      EXPECT_EQ(loaded->ItemAt(i).aliases, built->ItemAt(i).aliases);
      EXPECT_EQ(loaded->ItemAt(i).id, built->ItemAt(i).id);
      EXPECT_EQ(loaded->ItemAt(i).popularity, built->ItemAt(i).popularity);
      EXPECT_EQ(loaded->IndexOf(built->ItemAt(i).item), i);
    }
  }
}

TEST_F(CatalogFileTest, AStaleIndexIsMadeAnew) {
  const std::string index = PathOf("c.idx");
  const auto load = [&](const std::string& text, TitleForm form) {
    return *Catalog::Load(Write("c.jsonl", text), {.form = form, .index_path = index});
  };
  const std::string a = "{\"title\":\"A\",\"year\":1}";
  const std::string b = "{\"title\":\"B\",\"year\":1}";  // As long, so that only content tells.
  load(a, TitleForm::kAsWritten);
  const std::string index_of_a = Read(index);
  EXPECT_TRUE(load(b, TitleForm::kAsWritten).Contains({"B", 1}));
  EXPECT_NE(Read(index), index_of_a);
  load(b, TitleForm::kNfc);
  EXPECT_EQ(Catalog::Load(index)->image().form(), TitleForm::kNfc);
  EXPECT_TRUE(load(a, TitleForm::kAsWritten).Contains({"A", 1}));
  EXPECT_EQ(Read(index), index_of_a);
  // So is a damaged one.
  Write("c.idx", index_of_a.substr(0, 100));
  EXPECT_TRUE(load(a, TitleForm::kAsWritten).Contains({"A", 1}));
  EXPECT_EQ(Read(index), index_of_a);
}

TEST_F(CatalogFileTest, AnIndexThatCannotBeWrittenIsAnError) {
  const auto catalog =
      Catalog::Load(Write("c.jsonl", kJsonLines), {.index_path = PathOf("no/such/folder/c.idx")});
  EXPECT_THAT(std::string(catalog.status().message()), HasSubstr("cannot write"));
}

TEST_F(CatalogFileTest, DamageToAnIndexIsNoticed) {
  const std::string index = PathOf("c.idx");
  ASSERT_TRUE(Catalog::Load(Write("c.jsonl", kJsonLines), {.index_path = index}).ok());
  const std::string good = Read(index);
  base::RandomStream random(51, 0);
  for (int round = 0; round < 2000; ++round) {
    std::string bad = good;
    bad[random.Below(bad.size())] ^= static_cast<char>(1 << random.Below(8));
    ASSERT_FALSE(CatalogImage::Open(bad, "bad.idx").ok());
  }
  for (size_t size = 8; size < good.size(); size += 1 + random.Below(200)) {
    const auto cut = Catalog::Load(Write("bad.idx", good.substr(0, size)));
    EXPECT_TRUE(absl::IsDataLoss(cut.status())) << cut.status();
    EXPECT_THAT(std::string(cut.status().message()), HasSubstr("bad.idx: the catalog index"));
  }
}

// Wrong content under a correct checksum, as from a faulty writer.
TEST_F(CatalogFileTest, ReferencesThatLeadNowhereAreNoticed) {
  const std::string index = PathOf("c.idx");
  ASSERT_TRUE(Catalog::Load(Write("c.jsonl", kJsonLines), {.index_path = index}).ok());
  const std::string good = Read(index);
  base::RandomStream random(52, 0);
  int num_opened = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    const size_t offset = offsetof(ImageHeader, form) + 4 * random.Below((bad.size() - 200) / 4);
    const uint32_t value = static_cast<uint32_t>(random.NextWord() >> random.Below(64));
    std::memcpy(bad.data() + offset, &value, sizeof(value));
    const uint64_t checksum = ImageChecksum(bad);
    std::memcpy(bad.data() + offsetof(ImageHeader, checksum), &checksum, sizeof(checksum));
    const auto image = CatalogImage::Open(bad, "bad.idx");
    if (!image.ok()) continue;
    ++num_opened;  // Then everything in it can be read.
    for (uint32_t name = 0; name < image->num_names(); ++name) {
      const std::string text(image->text(name));
      image->FindName(text, 1995, HashName(HashText(text), 1995));
      image->FindKey(text::TitleKey(text));
      const uint32_t item = image->item_of_name(name);
      const CatalogImage::NameRange aliases = image->aliases(item);
      EXPECT_LE(aliases.end, image->num_names());
      EXPECT_LE(image->id(item).size() + image->genres(item).size(), bad.size());
    }
  }
  EXPECT_LT(num_opened, 3000);
}

TEST_F(CatalogFileTest, AnIndexOfAnotherVersionIsNamed) {
  const std::string index = PathOf("c.idx");
  ASSERT_TRUE(Catalog::Load(Write("c.jsonl", kJsonLines), {.index_path = index}).ok());
  std::string other = Read(index);
  const uint32_t version = kImageVersion + 1;
  std::memcpy(other.data() + offsetof(ImageHeader, version), &version, sizeof(version));
  const auto catalog = Catalog::Load(Write("c.idx", other));
  EXPECT_TRUE(absl::IsFailedPrecondition(catalog.status()));
  EXPECT_THAT(std::string(catalog.status().message()), HasSubstr("has version 3, this program 2"));
}

TEST_F(CatalogFileTest, LargeCatalogsAgreeWithAPlainSearch) {
  base::RandomStream random(53, 0);
  std::vector<CatalogItem> items;
  for (int i = 0; i < 20000; ++i) {
    items.emplace_back().item = {absl::StrCat(i % 2 == 0 ? "Film " : "FILM ", i / 4), 1900 + i % 2};
    if (i % 4 > 1) items.back().item.title += i % 4 == 2 ? " é" : " É";
    if (random.Below(5) == 0) items.back().aliases = {absl::StrCat("Alias ", i)};
  }
  const Catalog catalog = *Catalog::FromItems(items, "test");
  for (size_t i = 0; i < items.size(); ++i) {
    ASSERT_EQ(catalog.IndexOf(items[i].item), i);
    ASSERT_FALSE(catalog.Contains({items[i].item.title, 1902}));
    ASSERT_FALSE(catalog.Contains({items[i].item.title + "x", items[i].item.year}));
    const size_t pair = i / 2 * 2;
    ASSERT_THAT(catalog.FindKey(text::TitleKey(items[i].item.title)), ElementsAre(pair, pair + 1));
    if (!items[i].aliases.empty()) {
      ASSERT_EQ(catalog.IndexOf({items[i].aliases[0], items[i].item.year}), i);
    }
  }
}

}  // namespace
}  // namespace convrec::catalog
