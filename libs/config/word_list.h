// Words in one text, as in "q_proj, k_proj".
#pragma once

#include <string>
#include <vector>

namespace convrec::config {

// The parts between commas without the spaces around them; {} for a text of spaces.
std::vector<std::string> ParseWordList(const std::string& text);

}  // namespace convrec::config
