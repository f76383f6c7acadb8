// Numbers in one text, as in "1, 0.5, 0.25".
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace convrec::config {

// nullopt when a part between commas is no finite number; {} for a text of spaces.
std::optional<std::vector<double>> ParseNumberList(const std::string& text);

}  // namespace convrec::config
