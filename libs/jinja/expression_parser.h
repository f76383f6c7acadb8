// Parses expressions with the operator precedence of jinja2.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/syntax.h"
#include "libs/jinja/token_stream.h"
#include "libs/jinja/vocabulary.h"

namespace convrec::jinja {

// Not thread-safe. Errors are InvalidArgument with the position, as from ErrorAt().
class ExpressionParser final {
 public:
  // How deep brackets, operands and blocks may be nested.
  static constexpr int kMaxDepth = 200;
  // How long a chain of operators, attributes or filters may be.
  static constexpr int kMaxChain = 400;

  // Both must outlive the parser.
  ExpressionParser(TokenStream* tokens, Vocabulary* vocabulary)
      : tokens_(tokens), vocabulary_(vocabulary) {}

  absl::StatusOr<ExpressionPtr> Parse();
  // Several expressions separated by commas are a tuple. Conditional expressions are left to the
  // surrounding statement (`for x in y if z`) unless `with_conditional`. The tuple also ends before
  // `end_name`.
  absl::StatusOr<ExpressionPtr> ParseTuple(bool with_conditional, std::string_view end_name = "");
  // What follows "set x" or "filter": filters for a block's text. nullptr when there are none.
  absl::StatusOr<ExpressionPtr> ParseBlockFilters(bool begins_with_name);
  absl::StatusOr<Target> ParseTarget(bool with_attributes);
  // Parses a signature with its parentheses.
  absl::Status ParseSignature(Signature* signature);

  // How often the template has read each of these names so far: `loop`, `caller`, `kwargs`,
  // `varargs`.
  struct SpecialReads {
    int loop = 0, caller = 0, named = 0, rest = 0;
  };
  const SpecialReads& special_reads() const { return special_reads_; }

  // Nesting is one level deeper while this exists.
  class Nesting final {
   public:
    explicit Nesting(ExpressionParser* parser) : parser_(parser) { ++parser_->depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --parser_->depth_; }

   private:
    ExpressionParser* const parser_;
  };
  absl::Status CheckDepth() const;

 private:
  using Kind = Expression::Kind;

  absl::StatusOr<ExpressionPtr> ParseOr();
  absl::StatusOr<ExpressionPtr> ParseAnd();
  absl::StatusOr<ExpressionPtr> ParseNot();
  absl::StatusOr<ExpressionPtr> ParseCompare();
  absl::StatusOr<ExpressionPtr> ParseSum();
  absl::StatusOr<ExpressionPtr> ParseConcat();
  absl::StatusOr<ExpressionPtr> ParseProduct();
  absl::StatusOr<ExpressionPtr> ParsePower();
  absl::StatusOr<ExpressionPtr> ParseOperand() { return ParseUnary(/*with_filters=*/true); }
  absl::StatusOr<ExpressionPtr> ParseUnary(bool with_filters);
  absl::StatusOr<ExpressionPtr> ParsePrimary();
  absl::StatusOr<ExpressionPtr> ParseName();
  absl::StatusOr<ExpressionPtr> ParseBrackets();
  absl::StatusOr<ExpressionPtr> ParseParentheses();
  absl::StatusOr<ExpressionPtr> ParseMapping();
  absl::StatusOr<ExpressionPtr> ParsePostfix(ExpressionPtr expression);
  absl::StatusOr<ExpressionPtr> ParseFilters(ExpressionPtr expression);
  absl::StatusOr<ExpressionPtr> ParseFilter(ExpressionPtr subject);
  absl::StatusOr<ExpressionPtr> ParseTest(ExpressionPtr subject);
  absl::StatusOr<std::unique_ptr<const CallSyntax>> ParseTestArguments();
  absl::StatusOr<ExpressionPtr> ParseAttribute(ExpressionPtr object);
  absl::StatusOr<ExpressionPtr> ParseItem(ExpressionPtr object);
  absl::StatusOr<ExpressionPtr> ParseSlicePart();
  absl::StatusOr<ExpressionPtr> ParseCall(ExpressionPtr callee);
  absl::StatusOr<std::unique_ptr<const CallSyntax>> ParseCallSyntax();
  absl::StatusOr<std::string> ParseDottedName();
  absl::StatusOr<Target> ParseTargetPart(bool with_attributes);

  // Joins operands read by `parse` with the operators of `table`, left-associatively.
  using ParsePart = absl::StatusOr<ExpressionPtr> (ExpressionParser::*)();
  struct BinaryOperator {
    const char* text;
    Operator op;
  };
  template <size_t kSize>
  absl::StatusOr<ExpressionPtr> ParseBinary(ParsePart parse, const BinaryOperator (&table)[kSize]);
  std::unique_ptr<Expression> New(Kind kind) const;
  // Sets its depth. Chains such as a.b.c count as nested, because evaluation recurses into them.
  absl::StatusOr<ExpressionPtr> Finish(std::unique_ptr<Expression> expression) const;

  TokenStream* const tokens_;
  Vocabulary* const vocabulary_;
  SpecialReads special_reads_;
  int depth_ = 0;
};

}  // namespace convrec::jinja
