// tokenize: shows how a model directory's tokenizer encodes text.
//
//   tokenize text DIR < file       the whole input as text; one line "id token" per token
//   tokenize encode DIR < lines    each line a JSON string; prints its ids as a JSON array
//   tokenize decode DIR < lines    each line a JSON array of ids; prints the text as a JSON string
//   tokenize chat DIR < lines      each line {"messages": [{"role", "content"}, ...]}, optional
//                                  "date", "arguments", "add_generation_prompt"; prints
//                                  {"text", "ids"}
#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/program.h"
#include "libs/base/status_macros.h"
#include "libs/text/utf8.h"
#include "libs/tokenizer/chat_template.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::tokenizer {
namespace {

using Json = nlohmann::json;
using LineHandler = std::function<absl::StatusOr<Json>(const Json&)>;

Json Text(const std::string& bytes) { return text::ReplaceInvalidUtf8(bytes); }

absl::Status ShowText(const Tokenizer& tokenizer, const EncodeOptions& options) {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  for (const int32_t id : tokenizer.Encode(text, options)) {
    std::cout << id << ' ' << Text(tokenizer.TokenText(id)).dump() << '\n';
  }
  return absl::OkStatus();
}

absl::Status ForEachLine(const LineHandler& handle) {
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " is not valid JSON"));
    }
    try {
      CR_ASSIGN_OR_RETURN(const Json result, handle(json));
      std::cout << result.dump() << '\n';
    } catch (const Json::exception& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, " has another form than expected: ", error.what()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> RenderChat(const Tokenizer& tokenizer, const Json& line) {
  ChatTemplate::Options options;
  options.date = line.value("date", options.date);
  if (line.contains("arguments")) options.arguments = line.at("arguments").dump();
  CR_ASSIGN_OR_RETURN(const ChatTemplate chat, ChatTemplate::Create(&tokenizer, options));
  std::vector<ChatMessage> messages;
  for (const Json& message : line.at("messages")) {
    messages.push_back(
        {message.at("role").get<std::string>(), message.at("content").get<std::string>()});
  }
  if (!line.value("add_generation_prompt", true)) {
    CR_ASSIGN_OR_RETURN(const std::string text, chat.RenderConversation(messages));
    return Json{{"text", Text(text)}, {"ids", tokenizer.Encode(text)}};
  }
  CR_ASSIGN_OR_RETURN(const std::string text, chat.RenderPrompt(messages));
  CR_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, chat.EncodePrompt(messages));
  return Json{{"text", Text(text)}, {"ids", ids}};
}

absl::Status Run(const std::string& command,
                 const std::string& directory,
                 const EncodeOptions& options) {
  CR_ASSIGN_OR_RETURN(const std::unique_ptr<const Tokenizer> tokenizer, LoadTokenizer(directory));
  if (command == "text") return ShowText(*tokenizer, options);
  if (command == "encode") {
    return ForEachLine([&](const Json& line) -> absl::StatusOr<Json> {
      return Json(tokenizer->Encode(line.get<std::string>(), options));
    });
  }
  if (command == "decode") {
    return ForEachLine([&](const Json& line) -> absl::StatusOr<Json> {
      return Text(tokenizer->Decode(line.get<std::vector<int32_t>>()));
    });
  }
  return ForEachLine([&](const Json& line) { return RenderChat(*tokenizer, line); });
}

}  // namespace
}  // namespace convrec::tokenizer

int main(int argc, char** argv) {
  CLI::App app("Shows what a model directory's tokenizer makes of text.");
  std::string command;
  std::string directory;
  convrec::tokenizer::EncodeOptions options;
  bool leave_special_tokens = false;
  app.add_option("command", command, "text, encode, decode or chat")
      ->required()
      ->check(CLI::IsMember({"text", "encode", "decode", "chat"}));
  app.add_option("directory", directory, "Model directory with tokenizer.json")->required();
  app.add_flag("--add-special-tokens",
               options.add_special_tokens,
               "Put the tokenizer's own special tokens (BOS) around every text");
  app.add_flag("--leave-special-tokens",
               leave_special_tokens,
               "Special tokens that stand in a text are text like any other");
  if (const auto code = convrec::base::ParseCommandLine(&app, argc, argv)) return *code;
  options.find_special_tokens = !leave_special_tokens;

  std::ios::sync_with_stdio(false);
  const absl::Status status = convrec::tokenizer::Run(command, directory, options);
  if (status.ok()) return convrec::base::kExitOk;
  std::cout.flush();
  std::cerr << "tokenize: " << status.message() << '\n';
  return convrec::base::ExitCodeOf(status);
}
