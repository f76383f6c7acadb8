// Lists within one text, separated by commas.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace convrec::config {

// "q_proj, k_proj": the parts without surrounding spaces; {} for a text of spaces.
std::vector<std::string> ParseWordList(const std::string& text);

// "1, 0.5, 0.25"; nullopt when a part is not a finite number.
std::optional<std::vector<double>> ParseNumberList(const std::string& text);

}  // namespace convrec::config
