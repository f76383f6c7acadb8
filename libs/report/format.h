// Formats numbers for people; a value that is not finite becomes a dash.
#pragma once

#include <cstddef>
#include <string>

namespace convrec::report {

std::string Fixed(double value, int digits);    // 0.214
std::string Percent(double share, int digits);  // 0.125 -> "12.5 %"
std::string Count(double value);                // 980, 1.9k, 12.4M
std::string Compact(
    double value);                // Three significant digits: 0.00042 -> "4.2e-4", 12.31 -> "12.3"
std::string Times(double ratio);  // "x1.24"
std::string Seconds(double seconds);  // "4.2s", "42s", "1m12s", "3h05m"

// Columns a terminal uses for UTF-8 text, one per code point.
size_t DisplayWidth(const std::string& text);

// Safe inside HTML text and quoted attributes; control characters become U+FFFD.
std::string EscapeHtml(const std::string& text);

}  // namespace convrec::report
