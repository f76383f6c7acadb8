#include "libs/checkpoint/optimizer_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/files.h"

namespace convrec::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OptimizerShardsTest : public ::testing::Test {
 protected:
  struct Piece {
    std::string name;
    std::vector<float> values;
  };

  void Write(const std::string& file, const std::vector<Piece>& pieces) {
    std::vector<model::TensorSource> sources;
    for (const Piece& piece : pieces) {
      sources.push_back(
          {piece.name, {static_cast<int64_t>(piece.values.size())}, [&piece](float* out) {
             std::copy(piece.values.begin(), piece.values.end(), out);
             return absl::OkStatus();
           }});
    }
    ASSERT_TRUE(model::WriteSafetensors(base::JoinPath(dir_.path(), file), sources, "F32").ok());
    if (file != "optimizer.safetensors") checkpoint_.files.push_back({.name = file});
  }
  OptimizerShards Open() {
    checkpoint_.directory = dir_.path();
    checkpoint_.has_optimizer = true;
    absl::StatusOr<OptimizerShards> shards = OptimizerShards::Open(checkpoint_);
    EXPECT_TRUE(shards.ok()) << shards.status();
    return *std::move(shards);
  }
  static std::vector<float> Read(const OptimizerShards& shards, int64_t begin, int64_t size) {
    std::vector<float> values(static_cast<size_t>(size), -1);
    EXPECT_TRUE(shards.Read("exp_avg.w", begin, size, values.data()).ok());
    return values;
  }

  base::TemporaryDirectory dir_;
  Checkpoint checkpoint_;
};

TEST_F(OptimizerShardsTest, RangesAreReadAcrossThePiecesOfAnyDivision) {
  Write(ShardFileName(1, 3), {{"exp_avg.w[2:5]", {2, 3, 4}}});
  Write(ShardFileName(0, 3), {{"exp_avg.w[0:2]", {0, 1}}, {"exp_avg.b[0:1]", {9}}});
  Write(ShardFileName(2, 3), {{"exp_avg.w[5:6]", {5}}});
  const OptimizerShards shards = Open();
  EXPECT_TRUE(shards.Check({{"exp_avg.w", 6}, {"exp_avg.b", 1}}).ok());
  EXPECT_THAT(Read(shards, 0, 6), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(Read(shards, 1, 4), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Read(shards, 3, 1), ElementsAre(3));
  float value = 0;
  EXPECT_THAT(std::string(shards.Read("exp_avg.w", 5, 2, &value).message()),
              HasSubstr("lacks exp_avg.w[5:7]"));
}

TEST_F(OptimizerShardsTest, AWholeFileOfTheFirstFormatIsRead) {
  Write("optimizer.safetensors", {{"exp_avg.w", {0, 1, 2}}});
  const OptimizerShards shards = Open();
  EXPECT_TRUE(shards.Check({{"exp_avg.w", 3}}).ok());
  EXPECT_THAT(Read(shards, 1, 2), ElementsAre(1, 2));
}

TEST_F(OptimizerShardsTest, GapsOverlapsAndStrangersAreRefused) {
  Write(ShardFileName(0, 2), {{"exp_avg.w[0:2]", {0, 1}}, {"exp_avg.v[0:2]", {0, 1}}});
  Write(ShardFileName(1, 2), {{"exp_avg.w[3:4]", {3}}, {"exp_avg.v[1:3]", {1, 2}}});
  const OptimizerShards shards = Open();
  EXPECT_THAT(std::string(shards.Check({{"exp_avg.w", 4}, {"exp_avg.v", 3}}).message()),
              HasSubstr("has not exactly the 3 elements of exp_avg.v"));
  EXPECT_THAT(std::string(shards.Check({{"exp_avg.w", 4}}).message()),
              HasSubstr("has exp_avg.v, which the model lacks"));
  Checkpoint none = checkpoint_;
  none.has_optimizer = false;
  EXPECT_FALSE(OptimizerShards::Open(none).ok());
}

TEST_F(OptimizerShardsTest, APieceThatIsNotAsLongAsItsNameSaysIsRefused) {
  Write(ShardFileName(0, 1), {{"exp_avg.w[0:3]", {0, 1}}});
  checkpoint_.directory = dir_.path();
  checkpoint_.has_optimizer = true;
  EXPECT_THAT(std::string(OptimizerShards::Open(checkpoint_).status().message()),
              HasSubstr("exp_avg.w[0:3] has 2 elements"));
}

}  // namespace
}  // namespace convrec::checkpoint
