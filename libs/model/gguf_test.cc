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

const std::string kTypes = SourcePath("tests/golden/model/gguf/types.gguf");
const std::string kExpected = SourcePath("tests/golden/model/gguf/types.expected.safetensors");

TEST(GgufTest, EveryStorageTypeEqualsTheReference) {
  const auto file = GgufFile::Open(kTypes);
  const auto expected = SafetensorsFile::Open(kExpected);
  ASSERT_TRUE(file.ok() && expected.ok()) << file.status() << expected.status();
  ASSERT_EQ(file->tensors().size(), 6U);
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
  // The file ends with padding, which nobody misses.
  const std::string whole = bytes->substr(0, bytes->size() - 32);
  ForTruncations(whole, 300, [&](const std::string& damaged) {
    EXPECT_FALSE(ReadBytes(damaged).ok()) << damaged.size();
  });
  EXPECT_THAT(std::string(ReadBytes(bytes->substr(0, bytes->size() - 64)).message()),
              HasSubstr("lies beyond the end of the file: it is truncated"));
}

TEST_F(DamagedGgufTest, FlippedBitsNeverCrash) {
  const auto bytes = base::ReadFile(kTypes);
  ASSERT_TRUE(bytes.ok());
  ForBitFlips(
      *bytes, 1000, 400, [&](const std::string& damaged) { ReadBytes(damaged).IgnoreError(); });
}

}  // namespace
}  // namespace convrec::model
