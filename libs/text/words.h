// Small operations on UTF-8 text, shared by messages and matching.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace convrec::text {

// Levenshtein distance in bytes.
size_t EditDistance(const std::string& a, const std::string& b);

// The candidate nearest to `word`, or "" if none is within a third of its length. For "did you
// mean".
std::string NearestWord(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace convrec::text
