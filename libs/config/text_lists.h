// Lists that stand in one text, with commas between.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace convrec::config {

// "q_proj, k_proj": the parts without the spaces around them; {} for a text of spaces.
std::vector<std::string> ParseWordList(const std::string& text);

// "1, 0.5, 0.25"; nothing when a part is no finite number.
std::optional<std::vector<double>> ParseNumberList(const std::string& text);

}  // namespace convrec::config
