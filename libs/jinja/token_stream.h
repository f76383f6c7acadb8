// The tokens of a template, consumed by a parser.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/jinja/lexer.h"

namespace convrec::jinja {

class TokenStream final {
 public:
  // `tokens` ends with a token of kEnd, which is never taken.
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Position position() const { return current().position; }

  const Token& Take() {
    const Token& token = current();
    if (token.kind != Token::Kind::kEnd) ++at_;
    return token;
  }
  bool TakeOperator(std::string_view op) { return current().IsOperator(op) && (Take(), true); }
  bool TakeName(std::string_view name) { return current().IsName(name) && (Take(), true); }

  // Errors name the token that is there instead.
  absl::Status ExpectOperator(std::string_view op) {
    return TakeOperator(op) ? absl::OkStatus()
                            : Unexpected(absl::StrCat("'", std::string(op), "'"));
  }
  absl::StatusOr<std::string> ExpectName() {
    if (current().kind != Token::Kind::kName) return Unexpected("a name");
    return Take().text;
  }
  absl::Status Expect(Token::Kind kind, const std::string& description) {
    if (current().kind != kind) return Unexpected(description);
    Take();
    return absl::OkStatus();
  }
  absl::Status Unexpected(const std::string& expected) const {
    return ErrorAt(position(),
                   absl::StrCat("expected ", expected, ", got ", current().Description()));
  }

 private:
  const std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace convrec::jinja
