#include "libs/model/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "libs/base/files.h"
#include "libs/model/safetensors.h"
#include "libs/model/testing/damage.h"
#include "tests/support/paths.h"

namespace convrec::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kGolden = SourcePath("tests/golden/model/gguf/");
const std::string kTypes = kGolden + "types.gguf";

// The rows of every tensor of `NAME.gguf` are those of `NAME.expected.safetensors`.
void ExpectReferenceValues(const std::string& name, size_t num_tensors) {
  const auto file = GgufFile::Open(kGolden + name + ".gguf");
  const auto expected = SafetensorsFile::Open(kGolden + name + ".expected.safetensors");
  ASSERT_TRUE(file.ok() && expected.ok()) << file.status() << expected.status();
  ASSERT_EQ(file->tensors().size(), num_tensors);
  for (const GgufTensor& tensor : file->tensors()) {
    const auto view = std::find_if(expected->tensors().begin(),
                                   expected->tensors().end(),
                                   [&](const TensorView& v) { return v.name == tensor.name; });
    ASSERT_NE(view, expected->tensors().end()) << tensor.name;
    ASSERT_EQ(tensor.shape, view->shape);
    std::vector<float> row(static_cast<size_t>(tensor.row_size()));
    for (int64_t i = 0; i < tensor.num_rows(); ++i) {
      DequantizeRow(tensor, i, row.data());
      // The same float32 operations in the same order: equal to the bit.
      EXPECT_EQ(
          std::memcmp(row.data(), view->bytes.data() + i * tensor.row_size() * 4, row.size() * 4),
          0)
          << tensor.name;
    }
  }
}

TEST(GgufTest, QuantizedValuesEqualTheReference) { ExpectReferenceValues("types", 6); }

// Blocks of random bytes: every bit of every field counts.
TEST(GgufTest, RandomBlocksOfEveryQuantizedTypeEqualTheReference) {
  ExpectReferenceValues("blocks", 12);
}

TEST(GgufTest, EveryMetadataTypeIsRead) {
  const auto file = GgufFile::Open(kTypes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->Integer("test.u8"), 200);
  EXPECT_EQ(*file->Integer("test.u16"), 60000);
  EXPECT_EQ(*file->Integer("test.u32"), 4000000000);
  const auto raw = [&](const std::string& key) { return file->metadata().at(key).value; };
  EXPECT_EQ(std::get<int64_t>(raw("test.i8")), -100);
  EXPECT_EQ(std::get<int64_t>(raw("test.i16")), -30000);
  EXPECT_EQ(std::get<int64_t>(raw("test.i32")), -2000000000);
  EXPECT_EQ(std::get<uint64_t>(raw("test.u64")), (uint64_t{1} << 63) + 1);
  EXPECT_EQ(std::get<int64_t>(raw("test.i64")), -(int64_t{1} << 62));
  EXPECT_EQ(*file->Real("test.f32"), 0.5);
  EXPECT_EQ(*file->Real("test.f64"), 1e-300);
  EXPECT_TRUE(*file->Flag("test.bool"));
  EXPECT_EQ(*file->Text("test.string"), "Zo\xc3\xab");
  EXPECT_THAT(*file->Texts("test.array"), ElementsAre("a", "", "bc"));
}

TEST(GgufTest, WrongKindNamesFileAndKey) {
  const auto file = GgufFile::Open(kTypes);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(
      std::string(file->Integer("test.string").status().message()),
      HasSubstr(
          "types.gguf: metadata key \"test.string\" is of another kind, expected a whole number"));
  EXPECT_THAT(std::string(file->Text("test.none").status().message()),
              HasSubstr("\"test.none\" is absent"));
  EXPECT_FALSE(file->Integer("test.i8").ok());        // Negative.
  EXPECT_FALSE(file->Integer("test.u64").ok());       // Beyond what a double holds.
  EXPECT_FALSE(file->Integers("test.numbers").ok());  // Holds -2.
  EXPECT_EQ(*file->Integer("test.none", 3), 3);
}

class DamagedGgufTest : public testing::Test {
 protected:
  absl::Status ReadBytes(const std::string& bytes) const {
    WriteScratch(path_, bytes);
    return GgufFile::Open(path_).status();
  }
  const base::TemporaryDirectory directory_;
  const std::string path_ = base::JoinPath(directory_.path(), "x.gguf");
};

TEST_F(DamagedGgufTest, OtherFilesAndVersionsAreRefused) {
  auto bytes = base::ReadFile(kTypes);
  ASSERT_TRUE(bytes.ok());
  EXPECT_THAT(std::string(ReadBytes("PK\x03\x04").message()),
              HasSubstr("x.gguf: this is no GGUF file"));
  (*bytes)[4] = 1;
  EXPECT_THAT(std::string(ReadBytes(*bytes).message()),
              HasSubstr("GGUF version is 1, expected 2 or 3"));
}

TEST_F(DamagedGgufTest, TruncationIsAnErrorEverywhere) {
  const auto bytes = base::ReadFile(kTypes);
  ASSERT_TRUE(bytes.ok());
  // The file ends with padding, which is not needed.
  const std::string whole = bytes->substr(0, bytes->size() - 32);
  ForTruncations(whole, 300, [&](const std::string& damaged) {
    EXPECT_FALSE(ReadBytes(damaged).ok()) << damaged.size();
  });
  EXPECT_THAT(std::string(ReadBytes(bytes->substr(0, bytes->size() - 64)).message()),
              HasSubstr("lies beyond the end of the file: it is truncated"));
}

TEST_F(DamagedGgufTest, TypesThatAreNotReadAreNamed) {
  auto bytes = base::ReadFile(kTypes);
  ASSERT_TRUE(bytes.ok());
  // Name (length first), two extents, then the type.
  const size_t type = bytes->find(std::string("\4\0\0\0\0\0\0\0q4_0", 12)) + 12 + 4 + 16;
  ASSERT_EQ((*bytes)[type], 2);
  (*bytes)[type] = 16;
  EXPECT_THAT(std::string(ReadBytes(*bytes).message()),
              HasSubstr("x.gguf: tensor q4_0 has storage type IQ2_XXS, number 16, expected F32"));
  (*bytes)[type] = 99;
  EXPECT_THAT(std::string(ReadBytes(*bytes).message()), HasSubstr("has storage type 99, expected"));
}

TEST_F(DamagedGgufTest, FlippedBitsNeverCrash) {
  const auto bytes = base::ReadFile(kTypes);
  ASSERT_TRUE(bytes.ok());
  ForBitFlips(
      *bytes, 1000, 400, [&](const std::string& damaged) { ReadBytes(damaged).IgnoreError(); });
}

// The golden split model, copied so that its files can be changed.
class SplitGgufTest : public testing::Test {
 protected:
  SplitGgufTest() {
    for (const std::string& name : {First(), Second()}) {
      const auto bytes = base::ReadFile(kGolden + name);
      EXPECT_TRUE(bytes.ok()) << bytes.status();
      WriteScratch(Path(name), bytes.value_or(""));
    }
  }

  static std::string First() { return "split-00001-of-00002.gguf"; }
  static std::string Second() { return "split-00002-of-00002.gguf"; }
  std::string Path(const std::string& name) const {
    return base::JoinPath(directory_.path(), name);
  }
  std::string ErrorOf(const std::string& name) const {
    return std::string(GgufFile::Open(Path(name)).status().message());
  }

  const base::TemporaryDirectory directory_;
};

TEST_F(SplitGgufTest, AnyFileOpensTheWholeModel) {
  for (const std::string& name : {First(), Second()}) {
    const auto file = GgufFile::Open(Path(name));
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->path(), Path(First()));
    EXPECT_EQ(*file->Text("general.architecture"), "test");  // Of the first file only.
    ASSERT_EQ(file->tensors().size(), 3U);
    float value = 0;
    DequantizeRow(file->tensors()[2], 0, &value);
    EXPECT_EQ(value, 3.0F);
  }
}

TEST_F(SplitGgufTest, MissingFileIsNamedWithItsPlace) {
  ASSERT_EQ(std::remove(Path(Second()).c_str()), 0);
  EXPECT_THAT(ErrorOf(First()),
              HasSubstr(Path(First()) +
                        ": this is file 1 of 2 of a split model, and file 2 is "
                        "missing: cannot read " +
                        Path(Second())));
}

TEST_F(SplitGgufTest, RenamedFileCannotFindTheOthers) {
  ASSERT_EQ(std::rename(Path(First()).c_str(), Path("model.gguf").c_str()), 0);
  EXPECT_THAT(ErrorOf("model.gguf"),
              HasSubstr("file 1 of 2 of a split model, and its name does not end with "
                        "\"-00001-of-00002.gguf\""));
}

TEST_F(SplitGgufTest, FileInAnothersPlaceIsRefused) {
  const auto first = base::ReadFile(Path(First()));
  ASSERT_TRUE(first.ok());
  WriteScratch(Path(Second()), *first);
  EXPECT_THAT(
      ErrorOf(First()),
      HasSubstr(Path(Second()) + ": by its metadata this is file 1 of 2, expected file 2 of 2"));
}

}  // namespace
}  // namespace convrec::model
