#include "libs/report/csv.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace convrec::report {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(CsvTest, VectorsBecomeColumnsOfTheLongestOne) {
  RlStep first, second;
  first.step = 1;
  first.list("reward_by_rank") = {0.5};
  second.step = 2;
  second["reward"] = std::nan("");
  second.list("reward_by_rank") = {0.25, 0.125};
  const std::string csv = ToCsv(std::vector<RlStep>{first, second});
  EXPECT_THAT(csv,
              StartsWith("step,total_steps,policy_version,reward,reward_by_rank_1,reward_by_rank_2,"
                         "hits_per_list,"));
  EXPECT_THAT(csv, HasSubstr("\n1,0,0,0,0.5,,0,"));
  EXPECT_THAT(csv, HasSubstr("\n2,0,0,,0.25,0.125,0,"));
}

TEST(CsvTest, CutoffsNameTheirColumns) {
  Evaluation evaluation;
  evaluation.stage = Stage::kRl;
  evaluation.list("ndcg") = {0.1, 0.2, 0.3, 0.4};
  const std::string csv = ToCsv(std::vector<Evaluation>{evaluation});
  EXPECT_THAT(csv, HasSubstr("ndcg_5,ndcg_10,ndcg_15,ndcg_20"));
  EXPECT_THAT(csv, HasSubstr("rl,validation,0,0,0,0,0,0,0.1,0.2,0.3,0.4"));
}

TEST(CsvTest, NoColumnGoesBeyondTheLengthOfLists) {
  Evaluation evaluation;
  evaluation.list("ndcg") = {0.1, 0.2, 0.2, 0.2};
  evaluation.list("hits_by_rank") = std::vector<double>(8, 0.5);
  const std::string csv = ToCsv(std::vector<Evaluation>{evaluation});
  EXPECT_THAT(csv, HasSubstr("ndcg_5,ndcg_8,"));
  EXPECT_THAT(csv, testing::Not(HasSubstr("ndcg_20")));
  EXPECT_THAT(csv, HasSubstr(",0.1,0.2,"));
  EXPECT_THAT(csv, testing::Not(HasSubstr("0.2,0.2")));
}

TEST(CsvTest, NoRecordsGiveAHeadLine) {
  EXPECT_EQ(ToCsv(std::vector<SftStep>{}),
            "step,total_steps,loss,learning_rate,grad_norm,tokens,tokens_per_second,seconds\n");
}

}  // namespace
}  // namespace convrec::report
