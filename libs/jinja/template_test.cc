// What the golden cases do not cover: messages with their positions, and the limits.
#include "libs/jinja/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "libs/jinja/json_text.h"

namespace convrec::jinja {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string LoadError(const std::string& source) {
  const auto parsed = Template::Parse(source);
  EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << source;
  return std::string(parsed.status().message());
}

absl::StatusOr<std::string> Render(const std::string& source,
                                   const std::string& variables = "{}",
                                   const Template::RenderOptions& options = {}) {
  const auto parsed = Template::Parse(source);
  if (!parsed.ok()) return parsed.status();
  return parsed->Render(*ParseJson(variables), options);
}

std::string RenderError(const std::string& source, const std::string& variables = "{}") {
  return std::string(Render(source, variables).status().message());
}

TEST(TemplateTest, WhatIsNotKnownIsRefusedAtLoadWithItsPlace) {
  EXPECT_EQ(LoadError("a\n  {{ x | nope }}"), "line 2, column 10: the filter 'nope' is not known");
  EXPECT_EQ(LoadError("{% if x is nope %}{% endif %}"),
            "line 1, column 12: the test 'nope' is not known");
  EXPECT_EQ(LoadError("é{% nope %}"), "line 1, column 5: the tag 'nope' is not known");
  EXPECT_EQ(LoadError("\n\n{% if true %}{{ nope(1) }}{% endif %}"),
            "line 3, column 17: the function 'nope' is not known");
  EXPECT_EQ(LoadError("{{ x.nope() }}"), "line 1, column 5: the method 'nope' is not known");
  EXPECT_THAT(LoadError("{{ '\\N{BULLET}' }}"), StartsWith("line 1, column 4: "));
}

TEST(TemplateTest, BrokenSyntaxIsRefusedWithItsPlace) {
  EXPECT_EQ(LoadError("{{ a b }}"), "line 1, column 6: expected '}}', got 'b'");
  EXPECT_EQ(LoadError("{% for x in y %}\n"),
            "line 1, column 17: the template ends where 'endfor' is missing");
  EXPECT_EQ(LoadError("x {{ (1] }}"), "line 1, column 8: unexpected ']', expected ')'");
  EXPECT_EQ(LoadError("{{ 99999999999999999999 }}"),
            "line 1, column 4: an integer needs more than 64 bits");
  EXPECT_EQ(LoadError("\xFF"), "the template is not valid UTF-8");
}

TEST(TemplateTest, FunctionsThatTheTemplateAsksForOrMakesAreKnown) {
  EXPECT_EQ(*Render("{% if nope is defined %}{{ nope() }}{% endif %}x"), "x");
  EXPECT_EQ(*Render("{% macro f() %}y{% endmacro %}{% set ns = namespace(g=f) %}{{ ns.g() }}"),
            "y");
}

TEST(TemplateTest, ErrorsOfARenderingNameTheInnermostPlace) {
  EXPECT_EQ(RenderError("{% for m in messages %}\n{{ m.content + 1 }}{% endfor %}",
                        R"({"messages": [{"content": "a"}]})"),
            "line 2, column 14: can only concatenate str (not \"int\") to str");
  EXPECT_EQ(RenderError("{{ raise_exception('no ' ~ 'tools') }}"),
            "line 1, column 19: the template refuses the chat: no tools");
  EXPECT_EQ(RenderError("{{ x.y }}"), "line 1, column 5: 'x' is undefined");
}

TEST(TemplateTest, WhatPythonPrintsWithAnAddressIsRefused) {
  for (const char* source : {"{{ 'x'.upper }}",
                             "{{ [1] | batch(2) }}",
                             "{{ namespace }}",
                             "{% for x in [1] %}{{ loop }}{% endfor %}"}) {
    EXPECT_THAT(RenderError(source), HasSubstr("cannot be printed")) << source;
  }
}

TEST(TemplateTest, ArgumentsKeepTheOrderOfTheirKeys) {
  EXPECT_EQ(*Render("{{ t | tojson }}", R"({"t": {"z": 1, "a": [true, null, 1.0, "\u00e9"]}})"),
            R"({"z": 1, "a": [true, null, 1.0, "é"]})");
}

TEST(TemplateTest, HostileTemplatesEndWithinTheirLimits) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "steps"},
      {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nested deeper"},
      {"{% macro f() %}{{ caller is defined }}{% call f() %}{% endcall %}{% endmacro %}{{ f() }}",
       "nested deeper"},
      {"{{ 'x' * 999999999999 }}", "bytes"},
      {"{{ [0] * 999999999999 }}", "bytes"},
      {"{{ '%999999999d' % 1 }}", "bytes"},
      {"{{ '{:99999999999}'.format('x') }}", "bytes"},
      {"{{ 'x'.center(99999999999) }}", "bytes"},
      {"{{ 'x' | indent(99999999999) }}", "bytes"},
      {"{{ [1] | batch(99999999999, 0) | list }}", "bytes"},
      {"{{ [1] | tojson(indent=99999999999) }}", "bytes"},
      {"{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}"
       "{% endfor %}",
       "bytes"},
      {"{% set ns = namespace(x='a' * 9999999) %}{{ ns.x.replace('a', ns.x) }}", "bytes"},
      {"{% set ns = namespace(x='a' * 9999999, y=[]) %}{% for i in range(99999) %}"
       "{% set ns.y = ns.y + [ns.x ~ i] %}{% endfor %}",
       "bytes"},
      {"{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor "
       "%}",
       "nested deeper"},
      {"{% set ns = namespace(x=[], y=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
       "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
       "steps"},
      {"{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
       "{% endfor %}{{ ns.x }}",
       "bytes"},
      {"{% set ns = namespace(x=()) %}{% for i in range(99) %}{% set ns.x = (ns.x, ns.x) %}"
       "{% endfor %}{{ {ns.x: 1, (): 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9, 10: 1, 11: 1, "
       "12: 1, 13: 1} }}",
       "steps"},
      {"{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}", "bytes"},
      {"{% for a in range(9999) recursive %}{{ loop(range(9999)) }}{% endfor %}", "nested deeper"},
  };
  for (const auto& [source, limit] : cases) {
    const auto rendered = Render(source);
    EXPECT_TRUE(absl::IsResourceExhausted(rendered.status())) << source << rendered.status();
    EXPECT_THAT(std::string(rendered.status().message()), HasSubstr(limit)) << source;
  }
}

TEST(TemplateTest, DeepSourcesAreRefusedAtLoad) {
  const auto repeat = [](const std::string& part, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += part;
    return text;
  };
  for (const std::string& source : {"{{ " + repeat("(", 9999) + "1" + repeat(")", 9999) + " }}",
                                    "{{ " + repeat("[", 9999) + "1" + repeat("]", 9999) + " }}",
                                    "{{ " + repeat("not ", 9999) + "x }}",
                                    "{{ " + repeat("-", 9999) + "1 }}",
                                    "{{ 1" + repeat(" + 1", 9999) + " }}",
                                    "{{ a" + repeat(".b", 9999) + " }}",
                                    "{{ a" + repeat(" | upper", 9999) + " }}",
                                    "{{ a" + repeat(" if b else c", 9999) + " }}",
                                    repeat("{% if x %}", 9999)}) {
    EXPECT_THAT(LoadError(source),
                testing::AnyOf(HasSubstr("nested deeper"), HasSubstr("in a row")))
        << source.substr(0, 40);
  }
}

TEST(TemplateTest, ObjectsMayOutliveTheirBlocks) {
  EXPECT_EQ(
      *Render("{% set ns = namespace() %}{% for x in [1, 2] %}{% set ns.l = loop %}"
              "{% set y = x %}{% macro m() %}{{ y }}{% endmacro %}{% set ns.m = m %}"
              "{% endfor %}{{ ns.l.index }}{{ ns.l.last }}{{ ns.m() }}{% set ns.self = ns %}"),
      "2True2");
}

TEST(TemplateTest, OneTemplateRendersManyTimes) {
  const auto parsed = Template::Parse("{% set n = n + 1 %}{{ n }}");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed->Render(*ParseJson(R"({"n": 1})"), {}), "2");
  EXPECT_EQ(*parsed->Render(*ParseJson(R"({"n": 5})"), {}), "6");
}

}  // namespace
}  // namespace convrec::jinja
