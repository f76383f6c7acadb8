#include "libs/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/literal.h"
#include "libs/jinja/python_text.h"
#include "libs/text/unicode_text.h"

namespace convrec::jinja {
namespace {

constexpr std::array<std::string_view, 26> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

// Line breaks as "\n", without the last one.
std::string NormalizeNewlines(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
      continue;
    }
    text += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (at_ < source_.size()) {
      CR_RETURN_IF_ERROR(ReadText());
    }
    Add(Token::Kind::kEnd);
    return std::move(tokens_);
  }

 private:
  std::string_view Rest() const { return std::string_view(source_).substr(at_); }
  bool StartsWith(std::string_view part) const { return Rest().substr(0, part.size()) == part; }

  // The position of `offset`, which never decreases.
  Position PositionOf(size_t offset) {
    for (; located_ < offset; ++located_) {
      if (source_[located_] == '\n') {
        ++position_.line;
        position_.column = 1;
      } else if ((static_cast<unsigned char>(source_[located_]) & 0xC0) != 0x80) {
        ++position_.column;
      }
    }
    return position_;
  }

  absl::Status Fail(const std::string& message) { return ErrorAt(PositionOf(at_), message); }

  Token& Add(Token::Kind kind, std::string text = "") {
    Token token;
    token.kind = kind;
    token.position = PositionOf(at_);
    token.text = std::move(text);
    tokens_.push_back(std::move(token));
    return tokens_.back();
  }

  void SkipSpaces() { at_ = source_.size() - Strip(Rest(), std::nullopt, Side::kLeft).size(); }

  // The text up to the next tag, and the tag.
  absl::Status ReadText() {
    const size_t tag = std::min({source_.find("{{", at_),
                                 source_.find("{%", at_),
                                 source_.find("{#", at_),
                                 source_.size()});
    if (tag == source_.size()) {
      Add(Token::Kind::kText, source_.substr(at_));
      at_ = tag;
      return absl::OkStatus();
    }
    const char kind = source_[tag + 1];
    AddTextBefore(tag, /*is_block=*/kind != '{');
    at_ = tag;
    if (kind == '#') return SkipComment();
    if (kind == '{') {
      Add(Token::Kind::kOutputBegin);
      SkipTagBegin();
      return ReadTag(/*is_block=*/false);
    }
    if (const std::optional<size_t> begin = RawBegin()) {
      at_ = *begin;
      return ReadRaw();
    }
    Add(Token::Kind::kBlockBegin);
    SkipTagBegin();
    return ReadTag(/*is_block=*/true);
  }

  void SkipTagBegin() {
    at_ += 2;
    if (StartsWith("-") || StartsWith("+")) ++at_;
  }

  // Adds the text from at_ to `tag`, trimmed as the tag's sign requires.
  void AddTextBefore(size_t tag, bool is_block) {
    std::string_view text = std::string_view(source_).substr(at_, tag - at_);
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : ' ';
    if (sign == '-') {
      text = Strip(text, std::nullopt, Side::kRight);
    } else if (sign != '+' && is_block) {
      const size_t line = text.rfind('\n') + 1;  // npos + 1 = 0.
      if ((line > 0 || begins_line_) && text::IsBlank(text.substr(line))) {
        text = text.substr(0, line);
      }
    }
    begins_line_ = false;
    if (!text.empty()) Add(Token::Kind::kText, std::string(text));
  }

  // Continues after a tag's end, which takes `end_size` bytes at at_.
  void EndTag(size_t end_size, char sign, bool trims_newline) {
    at_ += end_size;
    const size_t end = at_;
    if (sign == '-') {
      SkipSpaces();
    } else if (sign != '+' && trims_newline && StartsWith("\n")) {
      ++at_;
    }
    begins_line_ = at_ > end && source_[at_ - 1] == '\n';
  }

  absl::Status SkipComment() {
    size_t begin = at_ + 2;
    if (begin < source_.size() && (source_[begin] == '-' || source_[begin] == '+')) ++begin;
    const size_t end = source_.find("#}", begin);
    if (end == std::string::npos) return Fail("the comment has no end");
    const char sign = end > begin ? source_[end - 1] : ' ';
    at_ = end;
    EndTag(2, sign, /*trims_newline=*/true);
    return absl::OkStatus();
  }

  // The offset after "{% raw %}" if that is at at_.
  std::optional<size_t> RawBegin() const {
    std::string_view rest = Rest().substr(2);
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
    rest = Strip(rest, std::nullopt, Side::kLeft);
    if (rest.substr(0, 3) != "raw") return std::nullopt;
    rest = Strip(rest.substr(3), std::nullopt, Side::kLeft);
    if (rest.substr(0, 3) == "-%}") {
      rest = Strip(rest.substr(3), std::nullopt, Side::kLeft);
    } else if (rest.substr(0, 2) == "%}") {
      rest.remove_prefix(2);
    } else {
      return std::nullopt;
    }
    return source_.size() - rest.size();
  }

  absl::Status ReadRaw() {
    begins_line_ = at_ > 0 && source_[at_ - 1] == '\n';
    for (size_t tag = source_.find("{%", at_); tag != std::string::npos;
         tag = source_.find("{%", tag + 1)) {
      size_t word = tag + 2;
      if (word < source_.size() && (source_[word] == '-' || source_[word] == '+')) ++word;
      std::string_view rest =
          Strip(std::string_view(source_).substr(word), std::nullopt, Side::kLeft);
      if (rest.substr(0, 6) != "endraw") continue;
      rest = Strip(rest.substr(6), std::nullopt, Side::kLeft);
      char sign = ' ';
      if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
        sign = rest[0];
        rest.remove_prefix(1);
      }
      if (rest.substr(0, 2) != "%}") continue;
      AddTextBefore(tag, /*is_block=*/true);
      at_ = source_.size() - rest.size();
      EndTag(2, sign, /*trims_newline=*/true);
      return absl::OkStatus();
    }
    return Fail("the raw block has no end");
  }

  // Reads the words up to the tag's end, which is recognised only outside brackets.
  absl::Status ReadTag(bool is_block) {
    const std::string_view end = is_block ? "%}" : "}}";
    brackets_.clear();
    while (true) {
      SkipSpaces();
      if (at_ == source_.size()) return Fail("the template ends inside of a tag");
      if (brackets_.empty()) {
        const bool has_sign = StartsWith("-") || (is_block && StartsWith("+"));
        if (Rest().substr(has_sign ? 1 : 0, 2) == end) {
          const char sign = has_sign ? source_[at_] : ' ';
          Add(is_block ? Token::Kind::kBlockEnd : Token::Kind::kOutputEnd);
          EndTag(has_sign ? 3 : 2, sign, is_block);
          return absl::OkStatus();
        }
      }
      CR_RETURN_IF_ERROR(ReadWord());
    }
  }

  absl::Status ReadWord() {
    const char c = source_[at_];
    if (c == '\'' || c == '"') return ReadLiteral(ReadString(Rest()));
    if (c >= '0' && c <= '9') {
      return ReadLiteral(ReadNumber(Rest(), at_ > 0 && source_[at_ - 1] == '.'));
    }
    if (const size_t size = NameSize(); size > 0) {
      Add(Token::Kind::kName, source_.substr(at_, size));
      at_ += size;
      return absl::OkStatus();
    }
    for (const std::string_view op : kOperators) {
      if (!StartsWith(op)) continue;
      CR_RETURN_IF_ERROR(Balance(c));
      Add(Token::Kind::kOperator, std::string(op));
      at_ += op.size();
      return absl::OkStatus();
    }
    return Fail(absl::StrCat("unexpected character ",
                             QuoteText(Rest().substr(0, ByteOfCharacter(Rest(), 1)))));
  }

  absl::Status ReadLiteral(const absl::StatusOr<Literal>& literal) {
    if (!literal.ok()) return Fail(std::string(literal.status().message()));
    Add(Token::Kind::kConstant, source_.substr(at_, literal->size)).constant = literal->value;
    at_ += literal->size;
    return absl::OkStatus();
  }

  size_t NameSize() const {
    const std::string_view rest = Rest();
    size_t size = 0;
    while (size < rest.size()) {
      const size_t next = size + ByteOfCharacter(rest.substr(size), 1);
      const std::u32string c = text::DecodeUtf8(rest.substr(size, next - size));
      if (!IsWordCharacter(c[0])) break;
      size = next;
    }
    return size;
  }

  absl::Status Balance(char c) {
    if (c == '(') brackets_ += ')';
    if (c == '[') brackets_ += ']';
    if (c == '{') brackets_ += '}';
    if (c != ')' && c != ']' && c != '}') return absl::OkStatus();
    if (brackets_.empty()) return Fail(absl::StrCat("unexpected '", std::string(1, c), "'"));
    if (brackets_.back() != c) {
      return Fail(absl::StrCat("unexpected '",
                               std::string(1, c),
                               "', expected '",
                               std::string(1, brackets_.back()),
                               "'"));
    }
    brackets_.pop_back();
    return absl::OkStatus();
  }

  const std::string source_;
  size_t at_ = 0;
  bool begins_line_ = true;  // Whether a line begins at at_.
  std::string brackets_;     // The closing brackets that are expected.
  std::vector<Token> tokens_;
  size_t located_ = 0;
  Position position_;
};

}  // namespace

std::string Token::Description() const {
  switch (kind) {
    case Kind::kText:
      return "text";
    case Kind::kOutputBegin:
      return "'{{'";
    case Kind::kOutputEnd:
      return "'}}'";
    case Kind::kBlockBegin:
      return "'{%'";
    case Kind::kBlockEnd:
      return "'%}'";
    case Kind::kName:
    case Kind::kOperator:
      return absl::StrCat("'", text, "'");
    case Kind::kConstant:
      return text;
    case Kind::kEnd:
      return "the end of the template";
  }
  return "";
}

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source) {
  if (!text::IsValidUtf8(source)) {
    return absl::InvalidArgumentError("the template is not valid UTF-8");
  }
  return Lexer(NormalizeNewlines(source)).Run();
}

}  // namespace convrec::jinja
