// Training of an adapter in place of all parameters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "services/learner/train/testing/tiny_decoder.h"
#include "services/learner/train/testing/whole_batch.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

Trainer::Options Options() {
  Trainer::Options options;
  options.schedule.peak = 1e-2;
  options.max_grad_norm = 1;
  return options;
}

TEST(AdapterTrainingTest, StepsChangeTheAdapterAloneAndKeepMomentsOfNothingElse) {
  const auto policy = MakeTinyDecoder(1, true, TinyLora());
  const auto before = MakeTinyDecoder(1, true, TinyLora());
  const auto trainer = *Trainer::Create(Options(), policy.get());
  ASSERT_TRUE(PolicyStep(*trainer, MakeTinyBatch(3), nullptr).ok());
  for (size_t i = 0; i < policy->parameters().size(); ++i) {
    EXPECT_TRUE(policy->parameters()[i].tensor.equal(before->parameters()[i].tensor));
    EXPECT_FALSE(policy->parameters()[i].tensor.grad().defined());
  }
  for (size_t i = 1; i < policy->adapter().size(); i += 2) {
    EXPECT_FALSE(policy->adapter()[i].tensor.equal(before->adapter()[i].tensor))
        << policy->adapter()[i].name << " is a B, which has a gradient from the first step on";
  }
  EXPECT_EQ(trainer->optimizer().parameters().size(), policy->adapter().size());
}

TEST(AdapterTrainingTest, SftLearnsItsRows) {
  const auto policy = MakeTinyDecoder(1, true, TinyLora());
  Trainer::Options options = Options();
  options.schedule.peak = 3e-2;
  const auto trainer = *Trainer::Create(options, policy.get());
  const std::vector<SftRow> rows = {{{1, 2}, {3, 4, kTinyEnd}}, {{5}, {6, 7, kTinyEnd}}};
  const double first = SftStep(*trainer, rows)->loss;
  double last = 0;
  for (int step = 0; step < 60; ++step) last = SftStep(*trainer, rows)->loss;
  EXPECT_LT(last, 0.5 * first);
}

// The policy that supervised fine-tuning has made, of the same base.
TEST(AdapterTrainingTest, TheDivergenceIsFromAnotherAdapterOfTheSameBase) {
  const auto policy = MakeTinyDecoder(1, true, TinyLora());
  const auto reference = MakeTinyDecoder(1, false, TinyLora(), policy.get());
  ASSERT_TRUE(reference->LoadAdapter(policy->adapter()).ok());
  const auto trainer = *Trainer::Create(Options(), policy.get());
  Objective objective = TinyObjective();
  objective.kl_beta = 0.1;
  const TrainingBatch batch = MakeTinyBatch(3, objective);
  EXPECT_EQ(PolicyStep(*trainer, batch, reference.get())->losses[0]["kl"], 0);
  EXPECT_GT(PolicyStep(*trainer, batch, reference.get())->losses[0]["kl"], 0);
}

}  // namespace
}  // namespace convrec::learner
