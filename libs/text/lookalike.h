// Texts that look the same on a screen and are not, and the character that tells them apart.
#pragma once

#include <string>
#include <string_view>

namespace convrec::text {

// Whether the texts are drawn alike, case and all: equal once composed and decomposed characters,
// the kinds of spaces, quotes, dashes and widths are set aside, and characters that are not drawn.
bool LookAlike(std::string_view a, std::string_view b);

// Where two texts that differ first do so: "character 3 is U+0065 U+0301 (LATIN SMALL LETTER E,
// COMBINING ACUTE ACCENT) in the line and U+00E9 (LATIN SMALL LETTER E WITH ACUTE) in the catalog",
// the texts being called "the line" and "the catalog". Empty for equal texts.
std::string DescribeDifference(std::string_view a,
                               const std::string& name_of_a,
                               std::string_view b,
                               const std::string& name_of_b);

}  // namespace convrec::text
