// The comment of each key in configs/defaults.yaml.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace convrec::config {

// "learner.steps" -> the comment lines right above the key, without "# ". Reads block style: one
// key per line, two spaces per level, texts of several lines as "|-".
std::map<std::string, std::vector<std::string>> ReadComments(const std::string& yaml);

}  // namespace convrec::config
