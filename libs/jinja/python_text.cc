#include "libs/jinja/python_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "libs/text/unicode_text.h"

namespace convrec::jinja {
namespace {

using text::DecodeUtf8;
using text::EncodeUtf8;
using text::IsAscii;
using text::IsSpace;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The first character of a non-empty text, and its length in bytes.
std::pair<char32_t, size_t> FirstCharacter(std::string_view text) {
  size_t size = 1;
  while (size < text.size() && IsContinuation(text[size])) ++size;
  if (size == 1) return {static_cast<unsigned char>(text[0]), 1};
  return {DecodeUtf8(text.substr(0, size))[0], size};
}

std::pair<char32_t, size_t> LastCharacter(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && IsContinuation(text[begin])) --begin;
  return FirstCharacter(text.substr(begin));
}

bool IsLineEnd(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::vector<std::string_view> SplitAtSpaces(std::string_view text, int64_t max_splits) {
  std::vector<std::string_view> parts;
  text = Strip(text, std::nullopt, Side::kLeft);
  while (!text.empty()) {
    if (max_splits >= 0 && static_cast<int64_t>(parts.size()) == max_splits) {
      parts.push_back(text);
      return parts;
    }
    size_t end = 0;
    while (end < text.size()) {
      const auto [c, size] = FirstCharacter(text.substr(end));
      if (IsSpace(c)) break;
      end += size;
    }
    parts.push_back(text.substr(0, end));
    text = Strip(text.substr(end), std::nullopt, Side::kLeft);
  }
  return parts;
}

std::vector<std::string_view> SplitAtSpacesFromRight(std::string_view text, int64_t max_splits) {
  std::vector<std::string_view> parts;
  text = Strip(text, std::nullopt, Side::kRight);
  while (!text.empty()) {
    if (max_splits >= 0 && static_cast<int64_t>(parts.size()) == max_splits) {
      parts.push_back(text);
      break;
    }
    size_t begin = text.size();
    while (begin > 0) {
      const auto [c, size] = LastCharacter(text.substr(0, begin));
      if (IsSpace(c)) break;
      begin -= size;
    }
    parts.push_back(text.substr(begin));
    text = Strip(text.substr(0, begin), std::nullopt, Side::kRight);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

size_t NumCharacters(std::string_view text) {
  return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), IsContinuation));
}

size_t ByteOfCharacter(std::string_view text, size_t character) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsContinuation(text[i])) continue;
    if (character == 0) return i;
    --character;
  }
  return text.size();
}

size_t FindBytes(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found =
      ::memmem(text.data() + from, text.size() - from, part.data(), part.size());  // Two-way.
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t FindLastBytes(std::string_view text, std::string_view part) {
  const std::string mirrored(text.rbegin(), text.rend());
  const std::string mirrored_part(part.rbegin(), part.rend());
  const size_t at = FindBytes(mirrored, mirrored_part);
  return at == std::string_view::npos ? at : text.size() - at - part.size();
}

size_t CountParts(std::string_view text, std::string_view part) {
  if (part.empty()) return NumCharacters(text) + 1;
  size_t count = 0;
  for (size_t at = FindBytes(text, part); at != std::string_view::npos;
       at = FindBytes(text, part, at + part.size())) {
    ++count;
  }
  return count;
}

std::string SliceText(std::string_view text, int64_t begin, int64_t end, int64_t step) {
  if (step == 1) {
    if (begin >= end) return "";
    const size_t first = ByteOfCharacter(text, static_cast<size_t>(begin));
    const std::string_view rest = text.substr(first);
    return std::string(rest.substr(0, ByteOfCharacter(rest, static_cast<size_t>(end - begin))));
  }
  const std::u32string characters = DecodeUtf8(text);
  std::u32string taken;
  // Each iteration but the last stays within the text, so the sum cannot overflow.
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    taken.push_back(characters[static_cast<size_t>(i)]);
    if (step > 0 ? end - i <= step : i - end <= -step) break;
    i += step;
  }
  return EncodeUtf8(taken);
}

std::string_view Strip(std::string_view text, std::optional<std::string_view> set, Side side) {
  std::u32string characters;
  if (set) characters = DecodeUtf8(*set);
  std::sort(characters.begin(), characters.end());
  const auto is_stripped = [&](char32_t c) {
    return set ? std::binary_search(characters.begin(), characters.end(), c) : IsSpace(c);
  };
  while (side != Side::kRight && !text.empty()) {
    const auto [c, size] = FirstCharacter(text);
    if (!is_stripped(c)) break;
    text.remove_prefix(size);
  }
  while (side != Side::kLeft && !text.empty()) {
    const auto [c, size] = LastCharacter(text);
    if (!is_stripped(c)) break;
    text.remove_suffix(size);
  }
  return text;
}

std::vector<std::string_view> Split(std::string_view text,
                                    std::optional<std::string_view> separator,
                                    int64_t max_splits,
                                    bool is_from_right) {
  if (!separator) {
    return is_from_right ? SplitAtSpacesFromRight(text, max_splits)
                         : SplitAtSpaces(text, max_splits);
  }
  std::vector<std::string_view> parts;
  size_t begin = 0;
  const auto may_split = [&] {
    return max_splits < 0 || static_cast<int64_t>(parts.size()) < max_splits;
  };
  if (!is_from_right) {
    for (size_t at = FindBytes(text, *separator); at != std::string_view::npos && may_split();
         at = FindBytes(text, *separator, begin)) {
      parts.push_back(text.substr(begin, at - begin));
      begin = at + separator->size();
    }
    parts.push_back(text.substr(begin));
    return parts;
  }
  // The same on the reversed text, because there is no linear search from the right.
  const std::string mirrored(text.rbegin(), text.rend());
  const std::string mirrored_separator(separator->rbegin(), separator->rend());
  size_t end = text.size();
  for (const std::string_view part : Split(mirrored, mirrored_separator, max_splits)) {
    parts.push_back(text.substr(end - part.size(), part.size()));
    end -= std::min(end, part.size() + separator->size());
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> SplitLines(std::string_view text, bool keeps_ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const auto [c, size] = FirstCharacter(text.substr(i));
    if (!IsLineEnd(c)) {
      i += size;
      continue;
    }
    const size_t end = i + size + (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n' ? 1 : 0);
    lines.push_back(text.substr(begin, (keeps_ends ? end : i) - begin));
    begin = i = end;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::optional<std::string> Replace(std::string_view text,
                                   std::string_view old,
                                   std::string_view replacement,
                                   int64_t count,
                                   uint64_t max_bytes) {
  uint64_t num_parts = CountParts(text, old);
  if (count >= 0) num_parts = std::min(num_parts, static_cast<uint64_t>(count));
  if (replacement.size() > old.size() &&
      num_parts > max_bytes / (replacement.size() - old.size() + 1) + 1) {
    return std::nullopt;
  }
  std::string result;
  size_t begin = 0;
  for (uint64_t i = 0; i < num_parts; ++i) {
    size_t at = FindBytes(text, old, begin);
    if (old.empty() && i > 0) at = begin + FirstCharacter(text.substr(begin)).second;
    result.append(text.substr(begin, at - begin));
    result.append(replacement);
    begin = at + old.size();
    if (result.size() > max_bytes) return std::nullopt;
  }
  result.append(text.substr(begin));
  return result;
}

std::string QuoteText(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string literal(1, quote);
  for (const char32_t c : DecodeUtf8(text)) {
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      literal += {'\\', static_cast<char>(c)};
    } else if (c == '\n') {
      literal += "\\n";
    } else if (c == '\r') {
      literal += "\\r";
    } else if (c == '\t') {
      literal += "\\t";
    } else if ((c >= 0x20 && c < 0x7F) || *TextProperty("isprintable", EncodeUtf8({&c, 1}))) {
      literal += EncodeUtf8({&c, 1});
    } else if (c < 0x100) {
      absl::StrAppendFormat(&literal, "\\x%02x", static_cast<uint32_t>(c));
    } else if (c < 0x10000) {
      absl::StrAppendFormat(&literal, "\\u%04x", static_cast<uint32_t>(c));
    } else {
      absl::StrAppendFormat(&literal, "\\U%08x", static_cast<uint32_t>(c));
    }
  }
  return literal + quote;
}

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      case '"':
        escaped += "&#34;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer;
  const auto scientific = std::to_chars(
      buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string text(buffer.data(), scientific.ptr);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  if (exponent < -4 || exponent >= 16) return text;
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  std::string result(buffer.data(), fixed.ptr);
  if (result.find('.') == std::string::npos) result += ".0";
  return result;
}

}  // namespace convrec::jinja
