// The alphabet of byte-level tokenizers: each of the 256 bytes has its own printable character (' '
// is "Ġ", 'A' is "A"), so that any bytes can be written as text in a vocabulary file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convrec::tokenizer {

// "the\n" -> "theĊ".
std::string ToByteLevel(std::string_view bytes);

// The inverse; nullopt if a character is not in the alphabet.
std::optional<std::string> FromByteLevel(std::string_view text);

// The 256 bytes in the order of their characters' code points.
std::vector<uint8_t> BytesInAlphabetOrder();

}  // namespace convrec::tokenizer
