// UTF-8 text as code points, with the definitions of whitespace and digit used to read list lines.
//
// Pure functions; they accept any bytes and never fail.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace convrec::text {

// Each maximal invalid sequence becomes one U+FFFD.
std::u32string DecodeUtf8(std::string_view bytes);
std::string EncodeUtf8(std::u32string_view text);

// U+0009-000D, 001C-0020, 0085, 00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000.
bool IsSpace(char32_t c);
// Value of a decimal digit of any script (category Nd), such as 3 for full-width U+FF13.
std::optional<int> DigitValue(char32_t c);

// Without whitespace at both ends.
std::u32string_view Trim(std::u32string_view text);
// Trimmed, each run of whitespace replaced by one space.
std::u32string FoldSpaces(std::u32string_view text);

bool IsAscii(std::string_view text);
bool IsBlank(std::string_view text);  // Only whitespace.
bool IsValidUtf8(std::string_view text);

// The key by which titles are matched: trimmed, whitespace folded, full Unicode case folding ("ß" =
// "SS").
std::string TitleKey(std::string_view title);
// Writes the same into `key`, whose memory is reused. ASCII takes a path without ICU.
void MakeTitleKey(std::string_view title, std::string* key);
// TitleKey(title) == key, mostly without building it; `key` must be the TitleKey of some title.
bool HasTitleKey(std::string_view title, std::string_view key);

// Unicode normalisation form C: "e" and a combining acute accent become "é". Invalid UTF-8 is read
// as U+FFFD.
std::string ToNfc(std::string_view text);
// The Unicode version used for case folding, as in "14.0".
std::string UnicodeVersion();

}  // namespace convrec::text
