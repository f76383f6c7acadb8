#include "libs/text_model/catalog_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/catalog/catalog.h"
#include "libs/text_model/testing/test_tokenizer.h"

namespace convrec::text_model {
namespace {

using ::testing::HasSubstr;

class CatalogListsTest : public testing::Test {
 protected:
  CatalogListsTest() {
    EXPECT_TRUE(base::WriteFileAtomically(path_,
                                          R"({"title": "Up", "year": 2009})"
                                          "\n"
                                          R"({"title": "Heat", "year": 1995})"
                                          "\n")
                    .ok());
    const auto catalog = catalog::Catalog::Load(path_);
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    prompt_ = {.instruction = "{conversation}",
               .num_ranks = 1,
               .constrained = true,
               .catalog_digest = catalog->digest()};
  }

  std::unique_ptr<const ModelText> Text() const {
    return std::make_unique<const ModelText>(
        ByteTokenizer(), prompt_, tokenizer::ChatTemplate::Options{}, 256, kByteVocabSize);
  }
  // What is logged while the lists are loaded.
  std::string LogOf(const std::string& path) {
    const auto text = Text();
    testing::internal::CaptureStderr();
    const auto lists = CatalogLists::Load(path, *text);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(lists.ok()) << lists.status();
    return log;
  }

  const base::TemporaryDirectory directory_;
  const std::string path_ = base::JoinPath(directory_.path(), "catalog.jsonl");
  std::optional<prompt::ModelPrompt> prompt_;
};

TEST_F(CatalogListsTest, ListsAreHeldToTheCatalogAsInTraining) {
  const auto text = Text();
  const auto lists = CatalogLists::Load(path_, *text);
  ASSERT_TRUE(lists.ok()) << lists.status();
  ASSERT_TRUE(lists->is_on());
  const auto make_constraint = lists->For({"Up"});
  ASSERT_TRUE(make_constraint.ok()) << make_constraint.status();
  const auto constraint = (*make_constraint)();
  for (const int32_t id : Ended("Heat (1995)")) {
    EXPECT_EQ(constraint->Legal(), std::vector<int32_t>{id});
    constraint->Advance(id);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(lists->For({"Up", "Heat"}).status()));
}

TEST_F(CatalogListsTest, AModelThatWasEvaluatedFreeStaysFree) {
  prompt_->constrained = false;
  const auto text = Text();
  const auto lists = CatalogLists::Load(path_, *text);
  ASSERT_TRUE(lists.ok()) << lists.status();
  EXPECT_FALSE(lists->is_on());
  EXPECT_FALSE(*lists->For({}));
}

TEST_F(CatalogListsTest, AnotherCatalogThanThatOfTrainingIsToldInOneSentence) {
  EXPECT_EQ(LogOf(path_).find("is not the catalog"), std::string::npos);
  prompt_->catalog_digest = std::string(32, '0');
  EXPECT_THAT(LogOf(path_), HasSubstr(path_ + " is not the catalog that the model was trained"));
}

TEST_F(CatalogListsTest, AConstrainedModelWithoutItsCatalogIsTold) {
  EXPECT_THAT(LogOf(""), HasSubstr("name it by --catalog"));
  prompt_->constrained = false;
  EXPECT_EQ(LogOf(""), "");
}

TEST_F(CatalogListsTest, ACatalogForAModelThatSaysNothingOfListsIsRefused) {
  prompt_.reset();
  const auto text = Text();
  EXPECT_TRUE(base::IsBadConfig(CatalogLists::Load(path_, *text).status()));
}

}  // namespace
}  // namespace convrec::text_model
