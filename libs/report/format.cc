#include "libs/report/format.h"

#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace convrec::report {
namespace {

constexpr char kDash[] = "-";

}  // namespace

std::string Fixed(double value, int digits) {
  if (!std::isfinite(value)) return kDash;
  std::string text = absl::StrFormat("%.*f", digits, value);
  // "-0.00" looks like an error of the page.
  if (text[0] == '-' && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
  return text;
}

std::string Percent(double share, int digits) {
  return std::isfinite(share) ? absl::StrCat(Fixed(100 * share, digits), " %") : kDash;
}

std::string Count(double value) {
  if (!std::isfinite(value)) return kDash;
  const double size = std::fabs(value);
  if (size >= 999.5e6) return absl::StrCat(Fixed(value / 1e9, 1), "G");
  if (size >= 999.5e3) return absl::StrCat(Fixed(value / 1e6, 1), "M");
  if (size >= 9999.5) return absl::StrCat(Fixed(value / 1e3, 0), "k");
  if (size >= 999.5) return absl::StrCat(Fixed(value / 1e3, 1), "k");
  return Fixed(value, 0);
}

std::string Compact(double value) {
  if (!std::isfinite(value)) return kDash;
  const double size = std::fabs(value);
  if (size == 0) return "0";
  if (size < 1e-3) {
    const int exponent = static_cast<int>(std::floor(std::log10(size)));
    const double mantissa = value / std::pow(10, exponent);
    const std::string digits = Fixed(mantissa, 1);
    return absl::StrCat(
        digits.substr(digits.size() - 2) == ".0" ? digits.substr(0, digits.size() - 2) : digits,
        "e",
        exponent);
  }
  if (size >= 9999.5) return Count(value);
  const int digits = size >= 99.95    ? 0
                     : size >= 9.995  ? 1
                     : size >= 0.9995 ? 2
                     : size >= 0.0995 ? 3
                                      : 4;
  std::string text = Fixed(value, digits);
  if (digits > 0) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

std::string Times(double ratio) {
  return std::isfinite(ratio) ? absl::StrCat("x", Fixed(ratio, 2)) : kDash;
}

std::string Seconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return kDash;
  if (seconds < 9.95) return absl::StrCat(Fixed(seconds, 1), "s");
  const int64_t whole = std::llround(seconds);
  if (whole < 60) return absl::StrCat(whole, "s");
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm", whole / 3600, whole % 3600 / 60);
}

size_t DisplayWidth(const std::string& text) {
  size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

std::string EscapeHtml(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\t':
      case '\n':
        out += c;
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          out += "\xEF\xBF\xBD";
        } else {
          out += c;
        }
    }
  }
  return out;
}

}  // namespace convrec::report
