// Splits a template's source into tokens: the text between tags, and the words of tags.
//
// Whitespace control happens here, as transformers configures jinja2: "-" and "+" at tags, the line
// break after a block (trim_blocks), blanks before a block that begins its line (lstrip_blocks),
// and the last line break of the source.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/position.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

struct Token {
  enum class Kind {
    kText,  // Outside of tags.
    kOutputBegin,
    kOutputEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kConstant,  // A string or a number.
    kOperator,
    kEnd,
  };

  Kind kind = Kind::kEnd;
  Position position;
  std::string text;  // For texts, names and operators; the source of numbers.
  Value constant;    // For kConstant.

  bool IsName(std::string_view name) const { return kind == Kind::kName && text == name; }
  bool IsOperator(std::string_view op) const { return kind == Kind::kOperator && text == op; }
  // The token as error messages name it.
  std::string Description() const;
};

// The last token is kEnd. InvalidArgument with the position, as from ErrorAt().
absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source);

}  // namespace convrec::jinja
