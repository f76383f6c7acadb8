// The thoughts that some models write before their list: "<think>...</think>".
//
// Thoughts have no ranks and earn nothing: titles in them are not recommended. They reach up to the
// first "</think>". The tag that opens them may be missing, as the prompt of some models ends with
// it; a text that has it and not the other is nothing but thoughts. Only counting by line knows
// thoughts.
#pragma once

#include <cstddef>
#include <string_view>

namespace convrec::lists {

inline constexpr std::string_view kThoughtsEnd = "</think>";

// Whether a line, the first one that is not blank, opens thoughts.
bool OpensThoughts(std::string_view line);

// Where the list begins: behind the thoughts; 0 when there are none.
size_t EndOfThoughts(std::string_view text);

}  // namespace convrec::lists
