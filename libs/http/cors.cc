#include "libs/http/cors.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace convrec::http {
namespace {

constexpr char kEverybody[] = "*";

}  // namespace

bool IsCorsOrigin(std::string_view text) {
  if (text == kEverybody) return true;
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const std::string_view host = text.substr(scheme + 3);
  return !host.empty() && std::none_of(text.begin() + static_cast<std::ptrdiff_t>(scheme) + 3,
                                       text.end(),
                                       [](char c) { return c <= ' ' || c == '/' || c == 0x7f; });
}

CorsPolicy::Headers CorsPolicy::AnswerHeaders(const std::string& origin) const {
  const auto lists = [this](const std::string& text) {
    return std::any_of(origins_.begin(), origins_.end(), [&text](const std::string& allowed) {
      return absl::EqualsIgnoreCase(allowed, text);
    });
  };
  const bool is_open = lists(kEverybody);
  if (origin.empty() || (!is_open && !lists(origin))) return {};
  Headers headers = {{"Access-Control-Allow-Origin", is_open ? kEverybody : origin},
                     {"Access-Control-Expose-Headers", "Retry-After"}};
  if (!is_open) headers.emplace_back("Vary", "Origin");
  return headers;
}

std::optional<CorsPolicy::Headers> CorsPolicy::PreflightHeaders(
    const std::string& origin, const std::string& wanted_headers) const {
  Headers headers = AnswerHeaders(origin);
  if (headers.empty()) return std::nullopt;
  headers.emplace_back("Access-Control-Allow-Methods", "GET, POST");
  if (!wanted_headers.empty()) headers.emplace_back("Access-Control-Allow-Headers", wanted_headers);
  headers.emplace_back("Access-Control-Max-Age", "600");
  return headers;
}

}  // namespace convrec::http
