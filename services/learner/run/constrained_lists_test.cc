#include "services/learner/run/constrained_lists.h"

#include <gtest/gtest.h>

#include "libs/constraint/list_constraint.h"
#include "tests/support/paths.h"

namespace convrec::learner {
namespace {

class ConstrainedListsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer = tokenizer::LoadTokenizer(SourcePath("tests/golden/tokenizer/qwen2"));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
    std::vector<catalog::CatalogItem> items;
    for (const domain::Item& item :
         std::vector<domain::Item>{{"Heat", 1995}, {"Up", 2009}, {"Alien", 1979}}) {
      items.push_back({.item = item, .genres = {}});
    }
    auto catalog = catalog::Catalog::FromItems(std::move(items), "test");
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    data_.catalog = std::make_shared<const catalog::Catalog>(*std::move(catalog));
    data_.train.push_back(
        {.id = "t1", .token_ids = {1}, .ground_truth = {}, .seen_titles = {"Up"}});
    data_.test.prompts.push_back(
        {.id = "e1", .token_ids = {1}, .ground_truth = {}, .seen_titles = {}});
    options_.data.num_ranks = 2;
    options_.data.train.path = "train.jsonl";
    options_.data.test.path = "test.jsonl";
    options_.rollout.constrained = true;
    options_.rollout.max_new_tokens = 100;
    options_.learner.steps = 1;
  }

  absl::StatusOr<ConstrainedLists> Create(int64_t vocab_size = 1 << 20) const {
    return ConstrainedLists::Create(options_, data_, *tokenizer_, vocab_size);
  }

  domain::Lease TrainingLease() const {
    domain::Lease lease;
    lease.prompt = data_.train[0];
    lease.sampling.constrained = true;
    return lease;
  }

  domain::RolloutGroup GroupOf(const std::string& text) const {
    domain::Rollout rollout;
    rollout.completion.token_ids = tokenizer_->Encode(text);
    rollout.completion.token_ids.push_back(*tokenizer_->eos_id());
    rollout.completion.finish_reason = domain::FinishReason::kStop;
    return {.group = {}, .attempt = 0, .epoch = {}, .rollouts = {rollout}};
  }

  std::unique_ptr<const tokenizer::Tokenizer> tokenizer_;
  config::RunOptions options_;
  RunData data_;
};

TEST_F(ConstrainedListsTest, OnlyTheConfiguredStagesAreConstrained) {
  auto lists = Create();
  ASSERT_TRUE(lists.ok()) << lists.status();
  EXPECT_TRUE(lists->training());
  EXPECT_FALSE(lists->evaluation());
  EXPECT_TRUE(lists->ForTraining(data_.train[0]));
  options_.rollout.constrained = false;
  lists = Create();
  ASSERT_TRUE(lists.ok()) << lists.status();
  EXPECT_FALSE(lists->ForTraining(data_.train[0]));
}

TEST_F(ConstrainedListsTest, AListOfFreshCatalogTitlesIsAccepted) {
  const auto lists = Create();
  ASSERT_TRUE(lists.ok()) << lists.status();
  const absl::Status status = lists->Check(TrainingLease(), GroupOf("Alien (1979)\nHeat (1995)"));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(ConstrainedListsTest, WhatCouldNotHaveBeenSampledIsRefused) {
  const auto lists = Create();
  ASSERT_TRUE(lists.ok()) << lists.status();
  for (const char* text : {"Alien (1979)\nUp (2009)",                  // Seen.
                           "Alien (1979)\nAlien (1979)",               // Twice.
                           "Alien (1979)\nHeat (1986)",                // Not in the catalog.
                           "Alien (1979)",                             // Too short.
                           "Alien (1979)\nHeat (1995)\nUp (2009)"}) {  // Too long.
    EXPECT_EQ(lists->Check(TrainingLease(), GroupOf(text)).code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
  domain::Lease free = TrainingLease();
  free.sampling.constrained = false;
  EXPECT_TRUE(lists->Check(free, GroupOf("Alien (1979)")).ok());
}

TEST_F(ConstrainedListsTest, APromptThatLeavesTooFewTitlesIsNamed) {
  data_.train[0].seen_titles = {"Up", "Heat"};
  const absl::Status status = Create().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("train.jsonl: row t1: of 3 titles 2 were named"),
            std::string::npos)
      << status;
}

TEST_F(ConstrainedListsTest, TokensOutsideOfTheModelAreRefused) {
  const absl::Status status = Create(/*vocab_size=*/10).status();
  EXPECT_NE(status.message().find("the model has 10 tokens"), std::string::npos) << status;
}

}  // namespace
}  // namespace convrec::learner
