// Operations on UTF-8 text that count and classify characters as Python's `str` does.
//
// Pure functions on valid UTF-8; their work is linear in their input. A position or a width counts
// code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convrec::jinja {

size_t NumCharacters(std::string_view text);
// Index of the byte at which the character begins; the size of the text when it has fewer
// characters.
size_t ByteOfCharacter(std::string_view text, size_t character);

// Like std::string_view::find(), but in linear time for any `part`.
size_t FindBytes(std::string_view text, std::string_view part, size_t from = 0);
size_t FindLastBytes(std::string_view text, std::string_view part);
size_t CountParts(std::string_view text, std::string_view part);

// The characters begin, begin + step, ... before `end` (after it when `step` < 0); like Python's
// slices once their bounds are known.
std::string SliceText(std::string_view text, int64_t begin, int64_t end, int64_t step);

enum class Side { kLeft, kRight, kBoth };
// `text` without the characters of `set` at the ends; nullopt = without whitespace.
std::string_view Strip(std::string_view text, std::optional<std::string_view> set, Side side);

// The parts between separators, or between runs of whitespace when there is no separator. At most
// `max_splits` cuts, from the left or from the right, < 0 = all. `separator` must not be empty.
std::vector<std::string_view> Split(std::string_view text,
                                    std::optional<std::string_view> separator,
                                    int64_t max_splits,
                                    bool is_from_right = false);
std::vector<std::string_view> SplitLines(std::string_view text, bool keeps_ends);

// Replaces the first `count` occurrences, < 0 = all. `old` may be empty. nullopt when the result
// would have more than `max_bytes`.
std::optional<std::string> Replace(std::string_view text,
                                   std::string_view old,
                                   std::string_view replacement,
                                   int64_t count,
                                   uint64_t max_bytes);

std::string Lower(std::string_view text);
std::string Upper(std::string_view text);
std::string Capitalize(std::string_view text);
std::string Title(std::string_view text);
std::string SwapCase(std::string_view text);
std::string CaseFold(std::string_view text);

// The result of isalpha() and its siblings for a text; nullopt for other names.
std::optional<bool> TextProperty(std::string_view method, std::string_view text);
bool IsWordCharacter(char32_t c);

// The literal that repr() returns.
std::string QuoteText(std::string_view text);
std::string EscapeHtml(std::string_view text);

// Python's shortest repr of a float, such as "0.1", "1e+16", "nan".
std::string FloatText(double value);

}  // namespace convrec::jinja
