#include "libs/text/lookalike.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/text/unicode_text.h"

namespace convrec::text {
namespace {

bool IsOneOf(char32_t c, std::u32string_view set) {
  return set.find(c) != std::u32string_view::npos;
}

// Not drawn: soft hyphen, zero-width spaces and joiners, marks of direction, byte order mark.
bool IsInvisible(char32_t c) {
  return c == 0xAD || (c >= 0x200B && c <= 0x200F) || c == 0x2060 || c == 0xFEFF;
}

// What of a text is drawn.
std::u32string Drawn(std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* const nfkc = icu::Normalizer2::getNFKCInstance(error);
  std::u32string spaced;
  for (const char32_t c : DecodeUtf8(text)) {
    // Before normalisation, which takes an acute accent by itself apart.
    if (IsInvisible(c)) continue;
    spaced.push_back(IsOneOf(c, U"\u00B4\u02BC\u0060") ? U'\'' : c);
  }
  std::string normalized = EncodeUtf8(spaced);
  if (U_SUCCESS(error)) {
    const icu::UnicodeString result =
        nfkc->normalize(icu::UnicodeString::fromUTF8(normalized), error);
    normalized.clear();
    result.toUTF8String(normalized);
  }
  std::u32string drawn = DecodeUtf8(normalized);
  for (char32_t& c : drawn) {
    if (IsSpace(c)) c = U' ';
    if (IsOneOf(c, U"\u2018\u2019\u201A\u201B\u2032")) c = U'\'';
    if (IsOneOf(c, U"\u201C\u201D\u201E\u201F\u2033")) c = U'"';
    if (IsOneOf(c, U"\u2010\u2011\u2012\u2013\u2014\u2015\u2212")) c = U'-';
  }
  return drawn;
}

bool IsMark(char32_t c) {
  const int8_t type = u_charType(static_cast<UChar32>(c));
  return type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_COMBINING_SPACING_MARK;
}

// The character at `begin` with the marks on it: "U+00E9 (LATIN SMALL LETTER E WITH ACUTE)".
std::string CharacterAt(const std::u32string& text, size_t begin) {
  if (begin >= text.size()) return "missing";
  std::string codes, names;
  for (size_t i = begin; i < text.size() && (i == begin || IsMark(text[i])); ++i) {
    char name[128];
    UErrorCode error = U_ZERO_ERROR;
    u_charName(static_cast<UChar32>(text[i]), U_EXTENDED_CHAR_NAME, name, sizeof(name), &error);
    absl::StrAppend(&codes,
                    codes.empty() ? "" : " ",
                    absl::StrFormat("U+%04X", static_cast<uint32_t>(text[i])));
    absl::StrAppend(&names, names.empty() ? "" : ", ", U_SUCCESS(error) ? name : "?");
  }
  return absl::StrCat(codes, " (", names, ")");
}

}  // namespace

bool LookAlike(std::string_view a, std::string_view b) { return Drawn(a) == Drawn(b); }

std::string DescribeDifference(std::string_view a,
                               const std::string& name_of_a,
                               std::string_view b,
                               const std::string& name_of_b) {
  if (a == b) return "";
  const std::u32string text_a = DecodeUtf8(a), text_b = DecodeUtf8(b);
  const auto [at_a, at_b] =
      std::mismatch(text_a.begin(), text_a.end(), text_b.begin(), text_b.end());
  size_t at = static_cast<size_t>(at_a - text_a.begin());
  // A mark belongs to the letter before it.
  const auto is_mark_at = [](const std::u32string& text, size_t i) {
    return i < text.size() && IsMark(text[i]);
  };
  while (at > 0 && (is_mark_at(text_a, at) || is_mark_at(text_b, at))) --at;
  return absl::StrCat("character ",
                      at + 1,
                      " is ",
                      CharacterAt(text_a, at),
                      " in ",
                      name_of_a,
                      " and ",
                      CharacterAt(text_b, at),
                      " in ",
                      name_of_b);
}

}  // namespace convrec::text
