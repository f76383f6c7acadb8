// Catalogs whose items are lines as a whole, from files and in indexes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/catalog/catalog.h"
#include "libs/domain/year.h"

namespace convrec::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSongs[] =
    "{\"title\":\"Hurt\",\"artist\":\"Johnny Cash\",\"aliases\":[\"Hurt (Live)\"],\"id\":7}\n"
    "{\"title\":\"Hurt\",\"artist\":\"Nine Inch Nails\",\"id\":8}\n"
    "{\"title\":\"Blue\",\"artist\":\"Joni Mitchell\",\"id\":9}\n";
constexpr char kSongsCsv[] =
    "title,artist,id,aliases\nHurt,Johnny Cash,7,Hurt (Live)\nHurt,Nine Inch Nails,8,\n"
    "Blue,Joni Mitchell,9,\n";
constexpr char kTitleArtist[] = "{title} - {artist}";

class LineFormatCatalogTest : public ::testing::Test {
 protected:
  std::string PathOf(const std::string& name) { return base::JoinPath(dir_.path(), name); }
  std::string Write(const std::string& name, const std::string& text) {
    EXPECT_TRUE(base::WriteFileAtomically(PathOf(name), text).ok());
    return PathOf(name);
  }
  std::string ErrorOf(const std::string& text, const std::string& format) {
    const auto catalog = Catalog::Load(Write("c.jsonl", text), {.line_format = format});
    EXPECT_EQ(base::ExitCodeOf(catalog.status()), base::kExitBadData) << catalog.status();
    return std::string(catalog.status().message());
  }

  base::TemporaryDirectory dir_;
};

TEST_F(LineFormatCatalogTest, ItemsAndAliasesAreTheirLines) {
  const auto json = Catalog::Load(Write("c.jsonl", kSongs), {.line_format = kTitleArtist});
  const auto csv = Catalog::Load(Write("c.csv", kSongsCsv), {.line_format = kTitleArtist});
  ASSERT_TRUE(json.ok() && csv.ok()) << json.status() << csv.status();
  for (const Catalog& catalog : {*json, *csv}) {
    EXPECT_EQ(catalog.title(0), "Hurt - Johnny Cash");
    EXPECT_EQ(catalog.year(0), domain::kNoYear);
    EXPECT_THAT(catalog.aliases(0), ElementsAre("Hurt (Live) - Johnny Cash"));
    EXPECT_EQ(catalog.IndexOf({"Blue - Joni Mitchell", domain::kNoYear}), 2u);
    EXPECT_THAT(catalog.MentionedBy("Hurt"), ElementsAre(0, 1));
    EXPECT_THAT(catalog.MentionedBy("Hurt (Live)"), ElementsAre(0));
    EXPECT_THAT(catalog.MentionedBy("hurt"), ElementsAre());
    EXPECT_EQ(catalog.line_format().text(), kTitleArtist);
  }
  EXPECT_EQ(json->digest(), csv->digest());
}

TEST_F(LineFormatCatalogTest, TheFormatIsPartOfTheDigest) {
  const std::string path = Write("c.jsonl", "{\"title\":\"Blue\",\"year\":1971,\"id\":9}\n");
  const std::string titles = Catalog::Load(path, {.line_format = "{title}"})->digest();
  EXPECT_NE(titles, Catalog::Load(path)->digest());
  EXPECT_NE(titles, Catalog::Load(path, {.line_format = "{title} [{id}]"})->digest());
  EXPECT_EQ(Catalog::Load(path)->digest(),
            Catalog::Load(path, {.line_format = "{title} ({year})"})->digest());
}

TEST_F(LineFormatCatalogTest, WhatALineCannotSayIsNamedByFileLineAndField) {
  const std::string blue = "{\"title\":\"Blue\",\"artist\":\"Joni Mitchell\"}\n";
  EXPECT_THAT(
      ErrorOf(blue, ""),
      HasSubstr("c.jsonl:1: field \"year\" is missing; expected a whole number, since lines "
                "are \"{title} ({year})\". For items without a year set data.line_format"));
  EXPECT_THAT(ErrorOf(blue, "{title} - {artst}"),
              HasSubstr("c.jsonl:1: field \"artst\" is missing; data.line_format \"{title} - "
                        "{artst}\" writes it, and the row has artist, title"));
  EXPECT_THAT(ErrorOf(blue + "{\"title\":\"Hurt\"}\n", kTitleArtist),
              HasSubstr("c.jsonl:2: field \"artist\" is missing"));
  EXPECT_THAT(ErrorOf(blue + "{\"title\":\"Hurt\",\"artist\":\" \"}\n", kTitleArtist),
              HasSubstr("c.jsonl:2: field \"artist\" is blank or has a line break"));
  EXPECT_THAT(ErrorOf(blue + "{\"title\":\"Hurt\",\"artist\":[\"x\"]}\n", kTitleArtist),
              HasSubstr("c.jsonl:2: field \"artist\" is [\"x\"]; expected text"));
  EXPECT_THAT(
      ErrorOf(kSongs, "{title}"),
      HasSubstr("c.jsonl:2: the item is written \"Hurt\", as the item of line 1 is; expected "
                "a data.line_format that tells them apart, instead of \"{title}\""));
  EXPECT_THAT(ErrorOf(kSongs, "{artist}"),
              HasSubstr("c.jsonl:1: field \"aliases\" is of no use: data.line_format"));
}

TEST_F(LineFormatCatalogTest, AnIndexCarriesItsFormat) {
  const std::string source = Write("c.jsonl", kSongs);
  const std::string index = PathOf("c.idx");
  const auto made = Catalog::Load(source, {.index_path = index, .line_format = kTitleArtist});
  ASSERT_TRUE(made.ok()) << made.status();
  for (const std::string& format : {std::string(), std::string(kTitleArtist)}) {
    const auto mapped = Catalog::Load(index, {.line_format = format});
    ASSERT_TRUE(mapped.ok()) << mapped.status();
    EXPECT_EQ(mapped->digest(), made->digest());
    EXPECT_EQ(mapped->line_format().text(), kTitleArtist);
    EXPECT_THAT(mapped->MentionedBy("Hurt"), ElementsAre(0, 1));
  }
  const auto other = Catalog::Load(index, {.line_format = "{title} [{id}]"});
  EXPECT_EQ(base::ExitCodeOf(other.status()), base::kExitBadConfig);
  EXPECT_THAT(std::string(other.status().message()),
              HasSubstr("the index was made with data.line_format \"{title} - {artist}\""));
  // As a cache it is made anew.
  const auto remade = Catalog::Load(source, {.index_path = index, .line_format = "{title} [{id}]"});
  ASSERT_TRUE(remade.ok()) << remade.status();
  EXPECT_EQ(remade->title(2), "Blue [9]");
}

TEST_F(LineFormatCatalogTest, AnIndexOfVersion1IsReadWithYears) {
  const std::string index = PathOf("c.idx");
  const auto made = Catalog::Load(Write("c.jsonl", "{\"title\":\"Blue\",\"year\":1971}\n"),
                                  {.index_path = index});
  ASSERT_TRUE(made.ok()) << made.status();
  std::string bytes = *base::ReadFile(index);
  // Its header ends before the sections that version 2 added, which are empty here.
  const uint32_t version = 1;
  std::memcpy(bytes.data() + offsetof(ImageHeader, version), &version, sizeof(version));
  std::memset(bytes.data() + offsetof(ImageHeader, sections) +
                  kNumImageSectionsOfVersion1 * sizeof(ImageHeader::Section),
              0xFF,
              (kNumImageSections - kNumImageSectionsOfVersion1) * sizeof(ImageHeader::Section));
  const uint64_t checksum = ImageChecksum(bytes);
  std::memcpy(bytes.data() + offsetof(ImageHeader, checksum), &checksum, sizeof(checksum));
  const auto read = Catalog::Load(Write("old.idx", bytes));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->IndexOf({"Blue", 1971}), 0u);
  EXPECT_TRUE(read->line_format().is_dated());
}

}  // namespace
}  // namespace convrec::catalog
