// The thoughts that some models write before their list: "<think>...</think>".
//
// Thoughts have no ranks and no rewards: titles in them are not recommended. They extend to the
// first "</think>". The opening tag may be missing, because the prompt of some models ends with it.
// A text with the opening tag but not the closing one consists of thoughts only. Only counting by
// line recognises thoughts.
#pragma once

#include <cstddef>
#include <string_view>

namespace convrec::lists {

inline constexpr std::string_view kThoughtsEnd = "</think>";

// Whether a line, which must be the first non-blank one, opens thoughts.
bool OpensThoughts(std::string_view line);

// Where the list begins, after the thoughts; 0 when there are none.
size_t EndOfThoughts(std::string_view text);

}  // namespace convrec::lists
