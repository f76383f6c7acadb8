#include "libs/tokenizer/byte_alphabet.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace convrec::tokenizer {
namespace {

constexpr int kNumBytes = 256;
// Characters of the alphabet are below this code point, so all need one or two bytes of UTF-8.
constexpr int kEndOfAlphabet = 256 + 68;

constexpr bool IsPrintable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Printable bytes represent themselves as Latin-1; the others are mapped from U+0100 on.
constexpr std::array<uint16_t, kNumBytes> MakeCodePoints() {
  std::array<uint16_t, kNumBytes> code_points{};
  uint16_t next = 256;
  for (int byte = 0; byte < kNumBytes; ++byte) {
    code_points[static_cast<size_t>(byte)] =
        IsPrintable(byte) ? static_cast<uint16_t>(byte) : next++;
  }
  return code_points;
}
constexpr std::array<uint16_t, kNumBytes> kCodePoints = MakeCodePoints();

constexpr std::array<int16_t, kEndOfAlphabet> MakeBytes() {
  std::array<int16_t, kEndOfAlphabet> bytes{};
  for (auto& byte : bytes) byte = -1;
  for (int byte = 0; byte < kNumBytes; ++byte) {
    bytes[kCodePoints[static_cast<size_t>(byte)]] = static_cast<int16_t>(byte);
  }
  return bytes;
}
constexpr std::array<int16_t, kEndOfAlphabet> kBytes = MakeBytes();

}  // namespace

std::string ToByteLevel(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const uint16_t code_point = kCodePoints[static_cast<uint8_t>(byte)];
    if (code_point < 0x80) {
      text += static_cast<char>(code_point);
    } else {
      text += static_cast<char>(0xC0 | (code_point >> 6));
      text += static_cast<char>(0x80 | (code_point & 0x3F));
    }
  }
  return text;
}

std::optional<std::string> FromByteLevel(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    size_t code_point = static_cast<uint8_t>(text[i]);
    if (code_point >= 0x80) {
      if ((code_point & 0xE0) != 0xC0 || i + 1 == text.size()) return std::nullopt;
      code_point = ((code_point & 0x1F) << 6) | (static_cast<uint8_t>(text[++i]) & 0x3F);
    }
    if (code_point >= kEndOfAlphabet || kBytes[code_point] < 0) return std::nullopt;
    bytes += static_cast<char>(kBytes[code_point]);
  }
  return bytes;
}

std::vector<uint8_t> BytesInAlphabetOrder() {
  std::vector<uint8_t> bytes(kNumBytes);
  for (size_t byte = 0; byte < bytes.size(); ++byte) bytes[byte] = static_cast<uint8_t>(byte);
  std::sort(bytes.begin(), bytes.end(), [](uint8_t a, uint8_t b) {
    return kCodePoints[a] < kCodePoints[b];
  });
  return bytes;
}

}  // namespace convrec::tokenizer
