// Percent-encoding of parts of a URL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace convrec::http {

// "org%2Fname" is "org/name". nullopt where "%" is not followed by two hexadecimal digits. "+" is
// itself, as in paths.
std::optional<std::string> PercentDecode(std::string_view text);

}  // namespace convrec::http
