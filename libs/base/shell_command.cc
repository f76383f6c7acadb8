#include "libs/base/shell_command.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace convrec::base {

std::string ShellWord(const std::string& word) {
  static constexpr char kPlain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

std::string ShellCommand(const std::vector<std::string>& words) {
  std::string command;
  for (const std::string& word : words)
    absl::StrAppend(&command, command.empty() ? "" : " ", ShellWord(word));
  return command;
}

}  // namespace convrec::base
