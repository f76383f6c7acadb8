// UTF-8 text as code points, with the notions of whitespace and digit that list lines are read by.
//
// Pure functions; they accept any bytes and never fail.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace convrec::catalog {

// Each maximal invalid sequence becomes one U+FFFD.
std::u32string DecodeUtf8(std::string_view bytes);
std::string EncodeUtf8(std::u32string_view text);

// U+0009-000D, 001C-0020, 0085, 00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000.
bool IsSpace(char32_t c);
// Value of a decimal digit of any script (category Nd), as in 3 for full-width U+FF13.
std::optional<int> DigitValue(char32_t c);

// Without whitespace at both ends.
std::u32string_view Trim(std::u32string_view text);
// Trimmed, each run of whitespace replaced by one space.
std::u32string FoldSpaces(std::u32string_view text);

// What titles are matched by: trimmed, whitespace folded, full Unicode case folding ("ß" = "SS").
std::string TitleKey(std::string_view title);

}  // namespace convrec::catalog
