#include "libs/tokenizer/end_of_turn.h"

#include "libs/jinja/json_text.h"
#include "libs/jinja/template.h"

namespace convrec::tokenizer {
namespace {

// A word that no template contains.
constexpr std::string_view kAnswer = "convrecanswers";

}  // namespace

std::optional<int32_t> FindEndOfTurn(
    const std::string& chat_template,
    const std::vector<std::pair<std::string, std::string>>& named_tokens,
    const std::function<std::optional<int32_t>(std::string_view)>& token_at) {
  const auto parsed = jinja::Template::Parse(chat_template);
  const auto messages = jinja::ParseJson(
      R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "convrecanswers"}])");
  if (!parsed.ok() || !messages.ok()) return std::nullopt;
  jinja::MappingBuilder variables(nullptr);
  for (const auto& [name, token] : named_tokens) {
    variables.SetText(name, jinja::Value::OfText(token));
  }
  variables.SetText("messages", *messages);
  variables.SetText("add_generation_prompt", jinja::Value(false));
  variables.SetText("tools", jinja::Value(jinja::None{}));
  variables.SetText("documents", jinja::Value(jinja::None{}));
  const auto all = variables.Build();
  if (!all.ok()) return std::nullopt;
  const auto text = parsed->Render(*all, {});
  if (!text.ok()) return std::nullopt;
  const size_t answer = text->rfind(kAnswer);
  if (answer == std::string::npos) return std::nullopt;
  const size_t end = text->find_first_not_of(" \n\t", answer + kAnswer.size());
  if (end == std::string::npos) return std::nullopt;
  return token_at(std::string_view(*text).substr(end));
}

}  // namespace convrec::tokenizer
