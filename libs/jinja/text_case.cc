// The functions of python_text.h that need Unicode's properties of characters.
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "libs/jinja/python_text.h"
#include "libs/text/unicode_text.h"

namespace convrec::jinja {
namespace {

using text::DecodeUtf8;
using text::EncodeUtf8;
using text::IsAscii;

icu::UnicodeString FromUtf8(std::string_view text) {
  return icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

std::string ToUtf8(const icu::UnicodeString& text) {
  std::string bytes;
  text.toUTF8String(bytes);
  return bytes;
}

UChar32 Icu(char32_t c) { return static_cast<UChar32>(c); }

std::string One(char32_t c) { return EncodeUtf8({&c, 1}); }

// The title case of one character; "ß" becomes "Ss".
std::string TitleCharacter(char32_t c) {
  const std::u32string upper = DecodeUtf8(Upper(One(c)));
  if (upper.size() == 1) return One(static_cast<char32_t>(u_totitle(Icu(c))));
  return One(upper[0]) + Lower(EncodeUtf8(std::u32string_view(upper).substr(1)));
}

bool IsCased(char32_t c) { return u_hasBinaryProperty(Icu(c), UCHAR_CASED) != 0; }
bool IsLower(char32_t c) { return u_isULowercase(Icu(c)) != 0; }
bool IsUpper(char32_t c) { return u_isUUppercase(Icu(c)) != 0; }
bool IsTitleCase(char32_t c) { return u_charType(Icu(c)) == U_TITLECASE_LETTER; }
bool IsAlpha(char32_t c) { return (U_GET_GC_MASK(Icu(c)) & U_GC_L_MASK) != 0; }
bool IsDecimal(char32_t c) { return u_charType(Icu(c)) == U_DECIMAL_DIGIT_NUMBER; }

bool IsDigit(char32_t c) {
  const int type = u_getIntPropertyValue(Icu(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}

bool IsNumeric(char32_t c) {
  return u_getIntPropertyValue(Icu(c), UCHAR_NUMERIC_TYPE) != U_NT_NONE;
}

bool IsPrintable(char32_t c) {
  if (c == ' ') return true;
  constexpr uint32_t kHidden = U_GC_C_MASK | U_GC_Z_MASK;
  return (U_GET_GC_MASK(Icu(c)) & kHidden) == 0;
}

// All characters satisfy it, and there is at least one.
template <typename Predicate>
bool AreAll(const std::u32string& text, Predicate is) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is);
}

template <typename Wanted, typename Unwanted>
bool HasOnly(const std::u32string& text, Wanted is_wanted, Unwanted is_unwanted) {
  return std::any_of(text.begin(), text.end(), is_wanted) &&
         std::none_of(text.begin(), text.end(), is_unwanted);
}

bool IsTitle(const std::u32string& text) {
  bool is_after_cased = false;
  bool has_cased = false;
  for (const char32_t c : text) {
    if (IsUpper(c) || IsTitleCase(c)) {
      if (is_after_cased) return false;
      is_after_cased = has_cased = true;
    } else if (IsLower(c)) {
      if (!is_after_cased) return false;
      has_cased = true;
    } else {
      is_after_cased = false;
    }
  }
  return has_cased;
}

}  // namespace

std::string Lower(std::string_view text) {
  if (!IsAscii(text)) return ToUtf8(FromUtf8(text).toLower(icu::Locale::getRoot()));
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

std::string Upper(std::string_view text) {
  if (!IsAscii(text)) return ToUtf8(FromUtf8(text).toUpper(icu::Locale::getRoot()));
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return result;
}

std::string Capitalize(std::string_view text) {
  if (text.empty()) return "";
  const size_t first = ByteOfCharacter(text, 1);
  // The whole text is lowered, because the result for a sigma depends on what precedes it.
  const std::string lower = Lower(text);
  return TitleCharacter(DecodeUtf8(text.substr(0, first))[0]) +
         lower.substr(Lower(text.substr(0, first)).size());
}

std::string Title(std::string_view text) {
  constexpr char32_t kSigma = U'\u03A3';
  constexpr char32_t kFinalSigma = U'\u03C2';
  const std::u32string characters = DecodeUtf8(text);
  std::string result;
  bool is_after_cased = false;
  for (size_t i = 0; i < characters.size(); ++i) {
    const char32_t c = characters[i];
    const bool ends_word = i + 1 == characters.size() || !IsCased(characters[i + 1]);
    if (!is_after_cased) {
      result += TitleCharacter(c);
    } else {
      result += c == kSigma && ends_word ? One(kFinalSigma) : Lower(One(c));
    }
    is_after_cased = IsCased(c);
  }
  return result;
}

std::string SwapCase(std::string_view text) {
  std::string result;
  for (const char32_t c : DecodeUtf8(text)) {
    if (IsUpper(c)) {
      result += Lower(One(c));
    } else if (IsLower(c)) {
      result += Upper(One(c));
    } else {
      result += One(c);
    }
  }
  return result;
}

std::string CaseFold(std::string_view text) {
  return IsAscii(text) ? Lower(text) : ToUtf8(FromUtf8(text).foldCase());
}

bool IsWordCharacter(char32_t c) { return c == '_' || IsAlpha(c) || IsNumeric(c); }

std::optional<bool> TextProperty(std::string_view method, std::string_view text) {
  if (method == "isascii") return IsAscii(text);
  const std::u32string characters = DecodeUtf8(text);
  if (method == "isalpha") return AreAll(characters, IsAlpha);
  if (method == "isdecimal") return AreAll(characters, IsDecimal);
  if (method == "isdigit") return AreAll(characters, IsDigit);
  if (method == "isnumeric") return AreAll(characters, IsNumeric);
  if (method == "isspace") return AreAll(characters, text::IsSpace);
  if (method == "isalnum") {
    return AreAll(characters, [](char32_t c) { return IsAlpha(c) || IsNumeric(c); });
  }
  if (method == "isprintable") return characters.empty() || AreAll(characters, IsPrintable);
  if (method == "islower") {
    return HasOnly(characters, IsLower, [](char32_t c) { return IsUpper(c) || IsTitleCase(c); });
  }
  if (method == "isupper") {
    return HasOnly(characters, IsUpper, [](char32_t c) { return IsLower(c) || IsTitleCase(c); });
  }
  if (method == "istitle") return IsTitle(characters);
  return std::nullopt;
}

}  // namespace convrec::jinja
