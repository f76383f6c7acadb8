#include "libs/tokenizer/chat_template.h"

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/json_text.h"
#include "libs/jinja/template.h"
#include "libs/text/utf8.h"

namespace convrec::tokenizer {
namespace {

using jinja::MappingBuilder;
using jinja::Value;

constexpr char kChatMl[] =
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
constexpr char kLlama3[] =
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + "
    "'<|end_header_id|>\\n\\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";

absl::StatusOr<Value> ParseArguments(const std::string& text) {
  if (text.empty()) return MappingBuilder(nullptr).Build();
  absl::StatusOr<Value> arguments = jinja::ParseJson(text);
  if (!arguments.ok()) {
    return base::Annotate(arguments.status(), "the template's arguments");
  }
  if (!arguments->is_mapping()) {
    return absl::InvalidArgumentError(
        "the template's arguments must be a JSON object, as in {\"enable_thinking\": false}");
  }
  if (arguments->mapping().Find("messages") != nullptr) {
    return absl::InvalidArgumentError("the template's arguments cannot hold \"messages\"");
  }
  return arguments;
}

absl::StatusOr<Value> MessageValues(std::span<const ChatMessage> messages) {
  std::vector<Value> values;
  for (const ChatMessage& message : messages) {
    MappingBuilder entries(nullptr);
    entries.SetText("role", Value::OfText(text::ReplaceInvalidUtf8(message.role)));
    entries.SetText("content", Value::OfText(text::ReplaceInvalidUtf8(message.text)));
    if (!message.name.empty())
      entries.SetText("name", Value::OfText(text::ReplaceInvalidUtf8(message.name)));
    CR_ASSIGN_OR_RETURN(Value value, entries.Build());
    values.push_back(std::move(value));
  }
  return jinja::MakeSequence(nullptr, std::move(values));
}

absl::StatusOr<std::string> PlainText(std::span<const ChatMessage> messages) {
  std::string text;
  for (const ChatMessage& message : messages) {
    const std::string& role = message.role;
    if (role != "system" && role != "user" && role != "assistant") {
      return absl::InvalidArgumentError(absl::StrCat(
          "a chat message has the role '", role, "', expected system, user or assistant"));
    }
    text += message.text;
  }
  return text;
}

}  // namespace

struct ChatTemplate::State {
  const Tokenizer* tokenizer;
  std::optional<jinja::Template> standard;    // nullopt = plain.
  std::optional<jinja::Template> with_tools;  // nullopt = `standard`.
  absl::CivilSecond date;
  std::optional<std::string> date_text;  // Given by the user.
  Value arguments;
};

absl::StatusOr<ChatTemplate> ChatTemplate::Create(const Tokenizer* tokenizer,
                                                  const Options& options) {
  auto state = std::make_shared<State>();
  state->tokenizer = tokenizer;
  absl::Time date;
  std::string error;
  if (!absl::ParseTime("%d %b %Y", options.date, &date, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the chat's date is '", options.date, "': expected one as in 26 Jul 2024"));
  }
  state->date = absl::ToCivilSecond(date, absl::UTCTimeZone());
  if (options.date != kPinnedDate) state->date_text = options.date;
  CR_ASSIGN_OR_RETURN(state->arguments, ParseArguments(options.arguments));

  const auto parse = [](const std::string& source) -> absl::StatusOr<jinja::Template> {
    absl::StatusOr<jinja::Template> parsed = jinja::Template::Parse(source);
    if (parsed.ok()) return parsed;
    return absl::InvalidArgumentError(
        absl::StrCat("the model's chat template: ",
                     parsed.status().message(),
                     "; model.chat_format (--chat-format) = chatml, llama3 or plain goes without "
                     "it"));
  };
  std::string source = tokenizer->chat_template();
  if (options.format) {
    source = *options.format == ChatFormat::kPlain    ? ""
             : *options.format == ChatFormat::kChatMl ? kChatMl
                                                      : kLlama3;
  } else if (!tokenizer->tool_chat_template().empty()) {
    CR_ASSIGN_OR_RETURN(state->with_tools, parse(tokenizer->tool_chat_template()));
  }
  if (!source.empty()) {
    CR_ASSIGN_OR_RETURN(state->standard, parse(source));
  }
  return ChatTemplate(std::move(state));
}

bool ChatTemplate::is_plain() const { return !state_->standard; }

absl::StatusOr<std::string> ChatTemplate::Render(std::span<const ChatMessage> messages,
                                                 bool opens_answer,
                                                 const std::string& more_arguments) const {
  if (messages.empty()) return absl::InvalidArgumentError("a chat needs at least one message");
  CR_ASSIGN_OR_RETURN(const Value more, ParseArguments(more_arguments));
  if (is_plain()) return PlainText(messages);
  MappingBuilder variables(nullptr);
  for (const auto& [name, token] : state_->tokenizer->named_tokens()) {
    variables.SetText(name, Value::OfText(token));
  }
  variables.SetText("tools", Value(jinja::None{}));
  variables.SetText("documents", Value(jinja::None{}));
  variables.SetText("add_generation_prompt", Value(opens_answer));
  if (state_->date_text) variables.SetText("date_string", Value::OfText(*state_->date_text));
  for (const Value* arguments : {&state_->arguments, &more}) {
    for (const auto& [name, value] : arguments->mapping().entries) {
      variables.SetText(name.text(), value);
    }
  }
  CR_ASSIGN_OR_RETURN(Value list, MessageValues(messages));
  variables.SetText("messages", std::move(list));
  CR_ASSIGN_OR_RETURN(const Value all, variables.Build());
  const bool has_tools = !all.mapping().Find("tools")->is_none();
  const jinja::Template& chosen =
      has_tools && state_->with_tools ? *state_->with_tools : *state_->standard;
  const absl::StatusOr<std::string> text = chosen.Render(all, {.now = state_->date});
  if (text.ok()) return text;
  return absl::InvalidArgumentError(
      absl::StrCat("the model's chat template: ", text.status().message()));
}

absl::StatusOr<std::string> ChatTemplate::RenderConversation(
    std::span<const ChatMessage> messages) const {
  return Render(messages, /*opens_answer=*/false, "");
}

absl::StatusOr<std::string> ChatTemplate::RenderPrompt(std::span<const ChatMessage> messages,
                                                       const std::string& more_arguments) const {
  return Render(messages, /*opens_answer=*/true, more_arguments);
}

absl::StatusOr<std::vector<int32_t>> ChatTemplate::EncodePrompt(
    std::span<const ChatMessage> messages, const std::string& more_arguments) const {
  CR_ASSIGN_OR_RETURN(const std::string text, RenderPrompt(messages, more_arguments));
  return state_->tokenizer->Encode(text, {.add_special_tokens = is_plain()});
}

}  // namespace convrec::tokenizer
