#include "services/learner/parallel/rank_environment.h"

#include <gtest/gtest.h>

#include <map>

#include "libs/base/errors.h"

namespace convrec::learner {
namespace {

using Variables = std::map<std::string, std::string>;

absl::StatusOr<RankPlace> Place(const Variables& variables, int configured_ranks = 1) {
  return PlaceOf(
      [&variables](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      configured_ranks);
}

std::string ErrorOf(const Variables& variables) {
  const absl::StatusOr<RankPlace> place = Place(variables);
  EXPECT_TRUE(base::IsBadConfig(place.status())) << place.status();
  return std::string(place.status().message());
}

TEST(RankEnvironmentTest, AnEmptyEnvironmentGivesTheConfiguredRanksOfThisMachine) {
  const RankPlace one = *Place({});
  EXPECT_EQ(one.world_size, 1);
  EXPECT_EQ(one.master_address, "");
  const RankPlace four = *Place({}, 4);
  EXPECT_EQ(four.rank, 0);
  EXPECT_EQ(four.world_size, 4);
  EXPECT_EQ(four.local_ranks, 4);
  EXPECT_EQ(four.master_address, "127.0.0.1");
}

TEST(RankEnvironmentTest, TorchrunNamesOneProcessPerRank) {
  const RankPlace place = *Place({{"RANK", "5"},
                                  {"LOCAL_RANK", "1"},
                                  {"WORLD_SIZE", "8"},
                                  {"MASTER_ADDR", "host-0.ranks"},
                                  {"MASTER_PORT", "29500"}},
                                 /*configured_ranks=*/3);
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.world_size, 8);
  EXPECT_EQ(place.local_ranks, 1);
  EXPECT_EQ(place.master_address, "host-0.ranks");
  EXPECT_EQ(place.master_port, 29500);
}

TEST(RankEnvironmentTest, PetVariablesNameOneProcessPerMachine) {
  const RankPlace place = *Place({{"PET_NNODES", "3"},
                                  {"PET_NODE_RANK", "2"},
                                  {"PET_NPROC_PER_NODE", "4"},
                                  {"PET_MASTER_ADDR", "host-0"},
                                  {"PET_MASTER_PORT", "1234"}});
  EXPECT_EQ(place.rank, 8);
  EXPECT_EQ(place.world_size, 12);
  EXPECT_EQ(place.local_ranks, 4);
  EXPECT_EQ(place.master_address, "host-0");
  EXPECT_EQ(place.master_port, 1234);
  EXPECT_EQ(Place({{"PET_NPROC_PER_NODE", "2"}})->master_address, "127.0.0.1");
}

TEST(RankEnvironmentTest, MalformedAndMissingVariablesAreNamed) {
  const Variables whole = {
      {"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "1"}};
  const auto with = [&whole](const std::string& name, const std::string& value) {
    Variables changed = whole;
    changed[name] = value;
    return ErrorOf(changed);
  };
  EXPECT_EQ(with("RANK", "2"),
            "the environment variable RANK is \"2\", expected a number from 0 to 1");
  EXPECT_EQ(with("WORLD_SIZE", "two"),
            "the environment variable WORLD_SIZE is \"two\", expected a number from 1 to 65536");
  EXPECT_EQ(with("MASTER_PORT", "70000"),
            "the environment variable MASTER_PORT is \"70000\", expected a number from 1 to 65535");
  EXPECT_EQ(with("MASTER_ADDR", ""),
            "the environment variable MASTER_ADDR is not set, but there are 2 ranks");
  EXPECT_EQ(with("WORLD_SIZE", ""), "the environment variable WORLD_SIZE is not set, but RANK is");
  EXPECT_EQ(ErrorOf({{"WORLD_SIZE", "2"}}),
            "the environment variable RANK is not set, but WORLD_SIZE is");
  EXPECT_EQ(ErrorOf({{"PET_NNODES", "1:4"}}),
            "the environment variable PET_NNODES is \"1:4\", expected a number from 1 to 65536");
  EXPECT_EQ(ErrorOf({{"PET_NNODES", "2"}}),
            "the environment variable PET_NODE_RANK is not set, but PET_NNODES is");
}

}  // namespace
}  // namespace convrec::learner
