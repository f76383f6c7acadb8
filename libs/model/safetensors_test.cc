#include "libs/model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/model/testing/damage.h"
#include "tests/support/paths.h"

namespace convrec::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TensorSource Source(const std::string& name,
                    std::vector<int64_t> shape,
                    std::vector<float> values) {
  return {name, std::move(shape), [values = std::move(values)](float* out) {
            std::copy(values.begin(), values.end(), out);
            return absl::OkStatus();
          }};
}

// A file with the given header and data bytes.
std::string Container(const std::string& header, const std::string& data) {
  const uint64_t size = header.size();
  std::string bytes(sizeof(size), '\0');
  std::memcpy(bytes.data(), &size, sizeof(size));
  return bytes + header + data;
}

class SafetensorsTest : public testing::Test {
 protected:
  absl::Status ReadBytes(const std::string& bytes) const {
    WriteScratch(path_, bytes);
    return SafetensorsFile::Open(path_).status();
  }
  std::string ErrorOf(const std::string& bytes) const {
    return std::string(ReadBytes(bytes).message());
  }

  const base::TemporaryDirectory directory_;
  const std::string path_ = base::JoinPath(directory_.path(), "x.safetensors");
};

TEST_F(SafetensorsTest, WrittenValuesReadBack) {
  const std::vector<TensorSource> sources = {Source("b", {2, 3}, {1, 2, 3, 4, 5, 6}),
                                             Source("a", {1}, {-0.5F})};
  ASSERT_TRUE(WriteSafetensors(path_, sources, "F32").ok());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->tensors().size(), 2U);
  const TensorView& first = file->tensors()[0];
  EXPECT_EQ(first.name, "b");
  EXPECT_EQ(first.dtype, "F32");
  EXPECT_THAT(first.shape, ElementsAre(2, 3));
  float last = 0;
  std::memcpy(&last, first.bytes.data() + 5 * sizeof(float), sizeof(last));
  EXPECT_EQ(last, 6.0F);
}

// 1 + 2^-8 lies halfway between two bfloat16 values, the even one is 1; 1 + 3 * 2^-8 goes up.
TEST_F(SafetensorsTest, Bfloat16IsRoundedToNearestEven) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  ASSERT_TRUE(WriteSafetensors(
                  path_, {{Source("x", {4}, {1.0F + 0x1p-8F, 1.0F + 0x3p-8F, -2.0F, nan})}}, "BF16")
                  .ok());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok());
  uint16_t bits[4];
  std::memcpy(bits, file->tensors()[0].bytes.data(), sizeof(bits));
  EXPECT_EQ(bits[0], 0x3f80);
  EXPECT_EQ(bits[1], 0x3f82);
  EXPECT_EQ(bits[2], 0xc000);
  EXPECT_GT(bits[3] & 0x7fff, 0x7f80);
}

TEST_F(SafetensorsTest, FailedSourceKeepsTheOldFile) {
  ASSERT_TRUE(WriteSafetensors(path_, {{Source("x", {1}, {1})}}, "F32").ok());
  const TensorSource bad = {"x", {1}, [](float*) { return absl::DataLossError("torn"); }};
  EXPECT_FALSE(WriteSafetensors(path_, {{bad}}, "F32").ok());
  EXPECT_TRUE(SafetensorsFile::Open(path_).ok());
  EXPECT_FALSE(base::FileExists(absl::StrCat(path_, ".tmp.", ::getpid())));
}

TEST_F(SafetensorsTest, ErrorsNameFileAndTensor) {
  const std::string header = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_TRUE(ReadBytes(Container(header, std::string(8, '\0'))).ok());
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "shorter than a safetensors header"},
      {Container(header, std::string(7, '\0')),
       "tensor w ends at byte 8 of the data, but the file holds 7: it is truncated"},
      {Container(header, std::string(9, '\0')), "there are bytes after the last tensor"},
      {Container("[]", ""), "the header is no JSON object"},
      {Container(R"({"w":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", std::string(8, '\0')),
       "tensor w has unknown dtype F31"},
      {Container(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", std::string(8, '\0')),
       "tensor w has data_offsets [0, 8], expected 12 bytes"},
      {Container(R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
                 std::string(8, '\0')),
       "tensor w has a shape"},
      {Container(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                 std::string(12, '\0')),
       "tensor w leaves a gap"},
  };
  for (const auto& [bytes, message] : cases) {
    EXPECT_THAT(ErrorOf(bytes), HasSubstr(message));
    EXPECT_THAT(ErrorOf(bytes), HasSubstr(path_));
  }
}

TEST_F(SafetensorsTest, DamagedFilesNeverCrash) {
  const auto bytes =
      base::ReadFile(SourcePath("tests/golden/model/gguf/types.expected.safetensors"));
  ASSERT_TRUE(bytes.ok());
  ForTruncations(
      *bytes, 64, [&](const std::string& damaged) { EXPECT_FALSE(ReadBytes(damaged).ok()); });
  ForBitFlips(
      *bytes, 512, 300, [&](const std::string& damaged) { ReadBytes(damaged).IgnoreError(); });
}

}  // namespace
}  // namespace convrec::model
