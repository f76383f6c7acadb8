#include "libs/text/unicode_text.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>
#include <unicode/uversion.h>

#include <cstdint>

namespace convrec::text {
namespace {

char ToLowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

// ICU's macro narrows int to uint8_t in its own arithmetic.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
std::u32string DecodeUtf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
  const char* data = bytes.data();
  const size_t size = bytes.size();
  size_t offset = 0;
  while (offset < size) {
    UChar32 c;
    U8_NEXT_OR_FFFD(data, offset, size, c);
    text.push_back(static_cast<char32_t>(c));
  }
  return text;
}
#pragma GCC diagnostic pop

std::string EncodeUtf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t c : text) {
    uint8_t buffer[U8_MAX_LENGTH];
    size_t length = 0;
    U8_APPEND_UNSAFE(buffer, length, c);
    bytes.append(reinterpret_cast<const char*>(buffer), length);
  }
  return bytes;
}

bool IsSpace(char32_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::optional<int> DigitValue(char32_t c) {
  if (c < 0x80) {
    if (c < U'0' || c > U'9') return std::nullopt;
    return static_cast<int>(c - U'0');
  }
  const int32_t value = u_charDigitValue(static_cast<UChar32>(c));
  if (value < 0) return std::nullopt;
  return value;
}

std::u32string_view Trim(std::u32string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

std::u32string FoldSpaces(std::u32string_view text) {
  std::u32string folded;
  for (const char32_t c : Trim(text)) {
    if (!IsSpace(c)) {
      folded.push_back(c);
    } else if (folded.back() != U' ') {  // Not empty: trimmed text starts with another character.
      folded.push_back(U' ');
    }
  }
  return folded;
}

bool IsAscii(std::string_view text) {
  uint8_t seen = 0;
  for (const char c : text) seen = static_cast<uint8_t>(seen | static_cast<uint8_t>(c));
  return seen < 0x80;
}

bool IsBlank(std::string_view text) {
  for (const char c : text) {
    if (static_cast<signed char>(c) < 0) return Trim(DecodeUtf8(text)).empty();
    if (!IsSpace(static_cast<char32_t>(c))) return false;
  }
  return true;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
bool IsValidUtf8(std::string_view text) {
  if (IsAscii(text)) return true;
  const char* data = text.data();
  const size_t size = text.size();
  size_t offset = 0;
  while (offset < size) {
    UChar32 c;
    U8_NEXT(data, offset, size, c);
    if (c < 0) return false;
  }
  return true;
}
#pragma GCC diagnostic pop

std::string TitleKey(std::string_view title) {
  std::string key;
  MakeTitleKey(title, &key);
  return key;
}

void MakeTitleKey(std::string_view title, std::string* key) {
  key->clear();
  if (!IsAscii(title)) {
    const std::string folded = EncodeUtf8(FoldSpaces(DecodeUtf8(title)));
    icu::UnicodeString::fromUTF8(folded).foldCase().toUTF8String(*key);
    return;
  }
  for (const char c : title) {
    if (!IsSpace(static_cast<char32_t>(c))) {
      key->push_back(ToLowerAscii(c));
    } else if (!key->empty() && key->back() != ' ') {
      key->push_back(' ');
    }
  }
  if (!key->empty() && key->back() == ' ') key->pop_back();
}

bool HasTitleKey(std::string_view title, std::string_view key) {
  // Covers most equal pairs: ASCII with whitespace already folded.
  if (title.size() == key.size()) {
    size_t i = 0;
    while (i < title.size() && static_cast<signed char>(title[i]) >= 0 &&
           ToLowerAscii(title[i]) == key[i]) {
      ++i;
    }
    if (i == title.size()) return true;
  }
  return TitleKey(title) == key;
}

std::string ToNfc(std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* const nfc = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) return std::string(text);
  const icu::UnicodeString normalized =
      nfc->normalize(icu::UnicodeString::fromUTF8(
                         icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))),
                     error);
  std::string result;
  normalized.toUTF8String(result);
  return result;
}

std::string UnicodeVersion() {
  UVersionInfo version;
  u_getUnicodeVersion(version);
  return std::to_string(version[0]) + "." + std::to_string(version[1]);
}

}  // namespace convrec::text
