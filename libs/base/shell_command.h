// Commands as a user can paste them into a shell.
#pragma once

#include <string>
#include <vector>

namespace convrec::base {

// `word` as one word of a POSIX shell: in single quotes where it needs them.
std::string ShellWord(const std::string& word);

// The words, with spaces between them.
std::string ShellCommand(const std::vector<std::string>& words);

}  // namespace convrec::base
