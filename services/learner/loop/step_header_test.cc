#include "services/learner/loop/step_header.h"

#include <gtest/gtest.h>

namespace convrec::learner {
namespace {

TEST(StepHeaderTest, ComesBackAsItWasWhateverItsShareHolds) {
  const Header header{.kind = Header::Kind::kPolicyStep,
                      .step = 12,
                      .stop = true,
                      .save = true,
                      .share = std::string("a|b\n\0|c", 7)};
  const Header back = DecodeHeader(Encode(header));
  EXPECT_EQ(back.kind, header.kind);
  EXPECT_EQ(back.step, 12);
  EXPECT_TRUE(back.stop);
  EXPECT_TRUE(back.save);
  EXPECT_EQ(back.share, header.share);
  const Header empty = DecodeHeader(Encode({.kind = Header::Kind::kEvaluation}));
  EXPECT_EQ(empty.kind, Header::Kind::kEvaluation);
  EXPECT_FALSE(empty.stop || empty.save);
  EXPECT_EQ(empty.share, "");
}

TEST(StepHeaderTest, NamesItsPlace) {
  EXPECT_EQ(PlaceOf({.kind = Header::Kind::kSftStep, .step = 2}),
            "step 2 of supervised fine-tuning");
  EXPECT_EQ(PlaceOf({.kind = Header::Kind::kEvaluation, .step = 3}), "the evaluation after step 3");
}

TEST(StepHeaderTest, OneRankHearsItself) {
  EXPECT_EQ(OneRank().FromLeader({.step = 5, .share = "x"}).share, "x");
  EXPECT_EQ(OneRank().num_ranks(), 1);
}

}  // namespace
}  // namespace convrec::learner
