// Compares with what transformers rendered, recorded by tests/golden/make_jinja_golden.py. The
// chats of families.json are rendered by libs/tokenizer, whose tests read them.
#include <gtest/gtest.h>

#include <string>

#include "absl/time/civil_time.h"
#include "libs/base/files.h"
#include "libs/jinja/json_text.h"
#include "libs/jinja/template.h"
#include "tests/support/paths.h"

namespace convrec::jinja {
namespace {

const Value& Field(const Value& mapping, const std::string& name) {
  const Value* value = mapping.mapping().Find(name);
  EXPECT_NE(value, nullptr) << name;
  return *value;
}

class GoldenTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto text = base::ReadFile(SourcePath("tests/golden/jinja/language.json"));
    ASSERT_TRUE(text.ok()) << text.status();
    auto golden = ParseJson(*text);
    ASSERT_TRUE(golden.ok()) << golden.status();
    golden_ = *std::move(golden);
    ASSERT_TRUE(absl::ParseLenientCivilTime(Field(golden_, "now").text(), &options_.now));
  }

  Value golden_;
  Template::RenderOptions options_;
};

TEST_F(GoldenTest, EveryConstructRendersAsByTransformers) {
  const Value& variables = Field(golden_, "variables");
  size_t num_rendered = 0;
  for (const Value& expected : Field(golden_, "cases").items()) {
    const std::string& source = Field(expected, "template").text();
    const auto parsed = Template::Parse(source);
    const Value* text = expected.mapping().Find("text");
    if (text == nullptr) {
      // An exception, at load or on rendering; a template that fails only on rendering may be
      // refused at load.
      EXPECT_FALSE(parsed.ok() && Field(expected, "error").text() == "load") << source;
      EXPECT_FALSE(parsed.ok() && parsed->Render(variables, options_).ok()) << source;
      continue;
    }
    ASSERT_TRUE(parsed.ok()) << source << "\n" << parsed.status();
    const auto rendered = parsed->Render(variables, options_);
    ASSERT_TRUE(rendered.ok()) << source << "\n" << rendered.status();
    EXPECT_EQ(*rendered, text->text()) << source;
    ++num_rendered;
  }
  EXPECT_GT(num_rendered, 130U);
}

}  // namespace
}  // namespace convrec::jinja
