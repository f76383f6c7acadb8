// Which pages of other origins a browser lets talk to a server (CORS).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convrec::http {

// Whether `text` is "*" or an origin as browsers send it: "https://host" or "http://host:port".
bool IsCorsOrigin(std::string_view text);

// Immutable.
class CorsPolicy final {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // Of other origins than the server's own nobody is let in.
  CorsPolicy() = default;
  // Each as IsCorsOrigin() has it.
  explicit CorsPolicy(std::vector<std::string> origins) : origins_(std::move(origins)) {}

  bool is_on() const { return !origins_.empty(); }
  // Of every answer to a request with this Origin ("" = none); empty for an origin that is not let
  // in.
  Headers AnswerHeaders(const std::string& origin) const;
  // Of the answer to a browser that asks before it sends a request with these headers; nullopt for
  // an origin that is not let in.
  std::optional<Headers> PreflightHeaders(const std::string& origin,
                                          const std::string& wanted_headers) const;

 private:
  std::vector<std::string> origins_;
};

}  // namespace convrec::http
