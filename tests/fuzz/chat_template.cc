// Any bytes as a chat template: it is refused, or renders within its limits, the same twice.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "libs/base/check.h"
#include "libs/jinja/json_text.h"
#include "libs/jinja/template.h"
#include "libs/text/unicode_text.h"

namespace convrec {
namespace {

constexpr char kVariables[] = R"({
  "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true, "documents": null,
  "messages": [{"role": "system", "content": "é"}, {"role": "user", "content": " a\n"},
               {"role": "assistant", "content": "<think>x</think>y", "tool_calls": [
                 {"id": "abcdefghi", "function": {"name": "f", "arguments": {"k": [1, 2.5, null]}}}]}],
  "tools": [{"function": {"name": "f", "parameters": {"type": "object", "properties": {
    "p": {"type": ["string", "null"], "enum": ["a"]}}, "required": []}}}],
  "x": {"a": {"b": 1}, "c": 0}})";

}  // namespace
}  // namespace convrec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace convrec;
  static const auto* const variables = new jinja::Value(*jinja::ParseJson(kVariables));
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto parsed = jinja::Template::Parse(source);
  if (!parsed.ok()) {
    CR_CHECK(absl::IsInvalidArgument(parsed.status()));
    return 0;
  }
  jinja::Template::RenderOptions options;
  options.limits = {.max_work = 200'000,
                    .max_live_bytes = 8 << 20,
                    .max_output_bytes = 1 << 20,
                    .max_depth = 300};
  const auto first = parsed->Render(*variables, options);
  const auto second = parsed->Render(*variables, options);
  CR_CHECK(first.ok() == second.ok());
  if (first.ok()) {
    CR_CHECK(*first == *second && first->size() <= options.limits.max_output_bytes);
    CR_CHECK(text::IsValidUtf8(*first));
  } else {
    CR_CHECK(first.status().message() == second.status().message());
  }
  return 0;
}
