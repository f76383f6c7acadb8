#include "libs/tokenizer/chat_template.h"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::tokenizer {
namespace {

constexpr std::string_view kThinkBegin = "<think>";
constexpr std::string_view kThinkEnd = "</think>";

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool ContainsAny(std::string_view text, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (Contains(text, part)) return true;
  }
  return false;
}

// The template with the escapes of its string literals resolved, so that "\n" reads the same
// whether it was written as an escape or as a line break.
std::string Unescape(std::string_view jinja) {
  std::string text;
  for (size_t i = 0; i < jinja.size(); ++i) {
    if (jinja[i] != '\\' || i + 1 == jinja.size()) {
      text += jinja[i];
      continue;
    }
    const char escaped = jinja[++i];
    if (escaped == 'n') {
      text += '\n';
    } else if (escaped == 't') {
      text += '\t';
    } else {
      text += escaped;
    }
  }
  return text;
}

bool IsQwen3(std::string_view jinja) {
  return Contains(jinja, kThinkBegin) && Contains(jinja, "last_query_index") &&
         Contains(jinja, "reasoning_content") &&
         !ContainsAny(jinja, {"trim", "render_content", "last_assistant_index"});
}

// Templates of other families use the same markers in other ways; what tells them apart is refused.
bool IsChatMl(std::string_view jinja) {
  if (!Contains(jinja, "<|im_end|>") || !Contains(jinja, "<|im_start|>assistant\n")) return false;
  if (ContainsAny(jinja, {"<|im_sep|>", "eos_token", "strftime_now", "Reasoning Mode", "[INST]"})) {
    return false;
  }
  if (IsQwen3(jinja)) return true;
  return !ContainsAny(jinja,
                      {"trim", "strip(", "<think>", "reasoning_content", "upper", "capitalize"});
}

bool IsLlama3(std::string_view jinja) {
  return Contains(jinja, "<|start_header_id|>") && Contains(jinja, "<|eot_id|>") &&
         Contains(jinja, "<|end_header_id|>\n\n") &&
         !ContainsAny(jinja, {"<|image|>", "detailed thinking", "functools", "[INST]", "<think>"});
}

absl::StatusOr<ChatFormat> DetectFormat(std::string_view jinja) {
  if (jinja.empty()) return ChatFormat::kPlain;
  if (IsChatMl(jinja)) return ChatFormat::kChatMl;
  if (IsLlama3(jinja)) return ChatFormat::kLlama3;
  return absl::InvalidArgumentError(
      "the model's chat template is of no known family (ChatML of SmolLM2, Qwen2 and Qwen3; "
      "Llama-3): "
      "set model.chat_format to chatml, llama3 or plain");
}

// The text that stands whole in the template between "<|im_start|>system\n" and "<|im_end|>".
std::string DefaultSystem(std::string_view jinja) {
  constexpr std::string_view kBegin = "<|im_start|>system\n";
  for (size_t begin = jinja.find(kBegin); begin != std::string_view::npos;
       begin = jinja.find(kBegin, begin)) {
    begin += kBegin.size();
    const size_t end = jinja.find("<|im_end|>", begin);
    if (end == std::string_view::npos) break;
    const std::string_view text = jinja.substr(begin, end - begin);
    // Otherwise the literal ends before, and the text is put together of several expressions.
    if (!ContainsAny(text, {"{{", "}}", "{%", "%}", "' +", "\" +", "'+", "\"+"})) {
      return std::string(text);
    }
  }
  return "";
}

// What `str.strip()` of Python takes away, which is what the filter `trim` calls.
std::string_view Trim(std::string_view text) {
  constexpr std::array<std::string_view, 29> kSpaces = {
      "\t",     "\n",     "\v",     "\f",     "\r",     "\x1c",   "\x1d",   "\x1e",
      "\x1f",   " ",      "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002",
      "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
      "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  for (bool is_done = false; !is_done;) {
    is_done = true;
    for (const std::string_view space : kSpaces) {
      if (text.substr(0, space.size()) == space) {
        text.remove_prefix(space.size());
        is_done = false;
      }
      if (text.size() >= space.size() && text.substr(text.size() - space.size()) == space) {
        text.remove_suffix(space.size());
        is_done = false;
      }
    }
  }
  return text;
}

std::string_view StripNewlinesLeft(std::string_view text) {
  while (!text.empty() && text.front() == '\n') text.remove_prefix(1);
  return text;
}

std::string_view StripNewlinesRight(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return text;
}

// An answer of Qwen3 taken apart: "<think>\nthoughts\n</think>\n\nanswer".
struct ThoughtfulText {
  std::string_view thoughts;
  std::string_view answer;
};

ThoughtfulText SplitThoughts(std::string_view text) {
  const size_t first_end = text.find(kThinkEnd);
  if (first_end == std::string_view::npos) return {"", text};
  std::string_view thoughts = StripNewlinesRight(text.substr(0, first_end));
  if (const size_t begin = thoughts.rfind(kThinkBegin); begin != std::string_view::npos) {
    thoughts.remove_prefix(begin + kThinkBegin.size());
  }
  const size_t last_end = text.rfind(kThinkEnd);
  return {StripNewlinesLeft(thoughts), StripNewlinesLeft(text.substr(last_end + kThinkEnd.size()))};
}

bool IsToolResponse(std::string_view text) {
  constexpr std::string_view kBegin = "<tool_response>";
  constexpr std::string_view kEnd = "</tool_response>";
  return text.size() >= kEnd.size() && text.substr(0, kBegin.size()) == kBegin &&
         text.substr(text.size() - kEnd.size()) == kEnd;
}

// The user's last own message; answers after it keep their thoughts.
size_t LastQuery(std::span<const ChatMessage> messages) {
  for (size_t i = messages.size(); i > 0; --i) {
    if (messages[i - 1].role == "user" && !IsToolResponse(messages[i - 1].text)) return i - 1;
  }
  return messages.size() - 1;
}

}  // namespace

absl::StatusOr<ChatTemplate> ChatTemplate::Create(const Tokenizer* tokenizer,
                                                  const Options& options) {
  const std::string jinja = Unescape(tokenizer->chat_template());
  ChatTemplate result(tokenizer);
  if (options.format) {
    result.format_ = *options.format;
  } else {
    CR_ASSIGN_OR_RETURN(result.format_, DetectFormat(jinja));
  }
  result.date_ = options.date;
  if (result.format_ == ChatFormat::kPlain) return result;

  const bool is_llama3 = result.format_ == ChatFormat::kLlama3;
  const bool has_template = !jinja.empty();
  const bool wants_bos =
      ContainsAny(jinja, {"bos_token", "<|begin_of_text|>"}) || (!has_template && is_llama3);
  if (wants_bos && tokenizer->bos_id()) {
    result.bos_text_ = tokenizer->TokenText(*tokenizer->bos_id());
  }
  if (is_llama3) {
    result.has_date_header_ = Contains(jinja, "Cutting Knowledge Date");
    result.trims_texts_ = !has_template || Contains(jinja, "trim");
    return result;
  }
  result.default_system_ = DefaultSystem(jinja);
  result.keeps_last_thoughts_ = IsQwen3(jinja);
  if (Contains(jinja, "<|im_start|>assistant\n<think>\n'")) {
    result.generation_suffix_ = "<think>\n";
  } else if (Contains(jinja, "enable_thinking") && !options.enable_thinking) {
    result.generation_suffix_ = "<think>\n\n</think>\n\n";
  }
  return result;
}

void ChatTemplate::RenderChatMl(std::span<const ChatMessage> messages, std::string* out) const {
  if (!default_system_.empty() && messages.front().role != "system") {
    absl::StrAppend(out, "<|im_start|>system\n", default_system_, "<|im_end|>\n");
  }
  const size_t last_query = LastQuery(messages);
  for (size_t i = 0; i < messages.size(); ++i) {
    absl::StrAppend(out, "<|im_start|>", messages[i].role, "\n");
    if (keeps_last_thoughts_ && messages[i].role == "assistant") {
      const ThoughtfulText text = SplitThoughts(messages[i].text);
      const bool is_last = i + 1 == messages.size();
      if (i > last_query && (is_last || !text.thoughts.empty())) {
        absl::StrAppend(out,
                        "<think>\n",
                        std::string(StripNewlinesRight(text.thoughts)),
                        "\n</think>\n\n",
                        std::string(StripNewlinesLeft(text.answer)));
      } else {
        *out += text.answer;
      }
    } else {
      *out += messages[i].text;
    }
    *out += "<|im_end|>\n";
  }
}

void ChatTemplate::RenderLlama3(std::span<const ChatMessage> messages, std::string* out) const {
  const auto append = [&](std::string_view role, std::string_view prefix, std::string_view text) {
    absl::StrAppend(out, "<|start_header_id|>", std::string(role), "<|end_header_id|>\n\n");
    *out += prefix;
    *out += trims_texts_ ? Trim(text) : text;
    *out += "<|eot_id|>";
  };
  if (has_date_header_) {
    const std::string header =
        absl::StrCat("Cutting Knowledge Date: December 2023\nToday Date: ", date_, "\n\n");
    const bool has_system = messages.front().role == "system";
    append("system", header, has_system ? messages.front().text : "");
    if (has_system) messages = messages.subspan(1);
  }
  for (const ChatMessage& message : messages) append(message.role, "", message.text);
}

absl::StatusOr<std::string> ChatTemplate::RenderConversation(
    std::span<const ChatMessage> messages) const {
  if (messages.empty()) return absl::InvalidArgumentError("a chat needs at least one message");
  for (const ChatMessage& message : messages) {
    if (message.role == "system" || message.role == "user" || message.role == "assistant") continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "a chat message has the role '", message.role, "', expected system, user or assistant"));
  }
  std::string text = bos_text_;
  switch (format_) {
    case ChatFormat::kPlain:
      for (const ChatMessage& message : messages) text += message.text;
      break;
    case ChatFormat::kChatMl:
      RenderChatMl(messages, &text);
      break;
    case ChatFormat::kLlama3:
      RenderLlama3(messages, &text);
      break;
  }
  return text;
}

absl::StatusOr<std::string> ChatTemplate::RenderPrompt(
    std::span<const ChatMessage> messages) const {
  CR_ASSIGN_OR_RETURN(std::string text, RenderConversation(messages));
  if (format_ == ChatFormat::kChatMl) {
    absl::StrAppend(&text, "<|im_start|>assistant\n", generation_suffix_);
  } else if (format_ == ChatFormat::kLlama3) {
    text += "<|start_header_id|>assistant<|end_header_id|>\n\n";
  }
  return text;
}

absl::StatusOr<std::vector<int32_t>> ChatTemplate::EncodePrompt(
    std::span<const ChatMessage> messages) const {
  CR_ASSIGN_OR_RETURN(const std::string text, RenderPrompt(messages));
  return tokenizer_->Encode(text, {.add_special_tokens = format_ == ChatFormat::kPlain});
}

}  // namespace convrec::tokenizer
