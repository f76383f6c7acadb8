// What stands behind an operand: attributes, items and calls, and behind those filters and tests.
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/expression_parser.h"
#include "libs/jinja/filters.h"
#include "libs/jinja/tests.h"

namespace convrec::jinja {

using Result = absl::StatusOr<ExpressionPtr>;

Result ExpressionParser::ParsePostfix(ExpressionPtr expression) {
  while (true) {
    if (tokens_->current().IsOperator(".")) {
      CR_ASSIGN_OR_RETURN(expression, ParseAttribute(std::move(expression)));
    } else if (tokens_->current().IsOperator("[")) {
      CR_ASSIGN_OR_RETURN(expression, ParseItem(std::move(expression)));
    } else if (tokens_->current().IsOperator("(")) {
      CR_ASSIGN_OR_RETURN(expression, ParseCall(std::move(expression)));
    } else {
      return expression;
    }
  }
}

Result ExpressionParser::ParseFilters(ExpressionPtr expression) {
  while (true) {
    if (tokens_->TakeOperator("|")) {
      CR_ASSIGN_OR_RETURN(expression, ParseFilter(std::move(expression)));
    } else if (tokens_->current().IsName("is")) {
      CR_ASSIGN_OR_RETURN(expression, ParseTest(std::move(expression)));
    } else if (tokens_->current().IsOperator("(")) {
      CR_ASSIGN_OR_RETURN(expression, ParseCall(std::move(expression)));
    } else {
      return expression;
    }
  }
}

Result ExpressionParser::ParseBlockFilters(bool begins_with_name) {
  ExpressionPtr filters;
  while (begins_with_name || tokens_->TakeOperator("|")) {
    CR_ASSIGN_OR_RETURN(filters, ParseFilter(std::move(filters)));
    begins_with_name = false;
  }
  return filters;
}

absl::StatusOr<std::string> ExpressionParser::ParseDottedName() {
  CR_ASSIGN_OR_RETURN(std::string name, tokens_->ExpectName());
  while (tokens_->TakeOperator(".")) {
    CR_ASSIGN_OR_RETURN(const std::string part, tokens_->ExpectName());
    absl::StrAppend(&name, ".", part);
  }
  return name;
}

Result ExpressionParser::ParseFilter(ExpressionPtr subject) {
  auto filter = New(Kind::kFilter);
  CR_ASSIGN_OR_RETURN(filter->name, ParseDottedName());
  filter->filter = FindFilter(filter->name);
  if (filter->filter == nullptr) {
    return ErrorAt(filter->position, absl::StrCat("the filter '", filter->name, "' is not known"));
  }
  filter->parts.push_back(std::move(subject));
  if (tokens_->current().IsOperator("(")) {
    CR_ASSIGN_OR_RETURN(filter->call, ParseCallSyntax());
  }
  return Finish(std::move(filter));
}

Result ExpressionParser::ParseTest(ExpressionPtr subject) {
  auto negation = New(Kind::kNot);
  tokens_->Take();
  const bool is_negated = tokens_->TakeName("not");
  auto test = New(Kind::kTest);
  CR_ASSIGN_OR_RETURN(test->name, ParseDottedName());
  test->test = FindTest(test->name);
  if (test->test == nullptr) {
    return ErrorAt(test->position, absl::StrCat("the test '", test->name, "' is not known"));
  }
  if (subject->kind == Kind::kName && (test->name == "defined" || test->name == "undefined")) {
    vocabulary_->AsksFor(subject->name);
  }
  test->parts.push_back(std::move(subject));
  CR_ASSIGN_OR_RETURN(test->call, ParseTestArguments());
  CR_ASSIGN_OR_RETURN(ExpressionPtr result, Finish(std::move(test)));
  if (!is_negated) return result;
  negation->parts.push_back(std::move(result));
  return Finish(std::move(negation));
}

// "(a, b)", or one operand without parentheses, as in "is divisibleby 3".
absl::StatusOr<std::unique_ptr<const CallSyntax>> ExpressionParser::ParseTestArguments() {
  const Token& token = tokens_->current();
  if (token.IsOperator("(")) return ParseCallSyntax();
  const bool has_operand = (token.kind == Token::Kind::kName && !token.IsName("else") &&
                            !token.IsName("or") && !token.IsName("and")) ||
                           token.kind == Token::Kind::kConstant || token.IsOperator("[") ||
                           token.IsOperator("{");
  if (!has_operand) return nullptr;
  if (token.IsName("is")) return ErrorAt(token.position, "tests cannot be chained with 'is'");
  auto call = std::make_unique<CallSyntax>();
  CR_ASSIGN_OR_RETURN(ExpressionPtr operand, ParsePrimary());
  CR_ASSIGN_OR_RETURN(operand, ParsePostfix(std::move(operand)));
  call->positional.push_back(std::move(operand));
  return call;
}

Result ExpressionParser::ParseAttribute(ExpressionPtr object) {
  auto attribute = New(Kind::kAttribute);
  tokens_->Take();
  attribute->parts.push_back(std::move(object));
  const Token& token = tokens_->current();
  if (token.kind == Token::Kind::kConstant && token.constant.is_int()) {
    attribute->kind = Kind::kItem;
    auto index = New(Kind::kConstant);
    index->constant = tokens_->Take().constant;
    attribute->parts.push_back(std::move(index));
    return Finish(std::move(attribute));
  }
  CR_ASSIGN_OR_RETURN(attribute->name, tokens_->ExpectName());
  return Finish(std::move(attribute));
}

// A bound of a slice, or nullptr when it is omitted.
Result ExpressionParser::ParseSlicePart() {
  const Token& token = tokens_->current();
  if (token.IsOperator(":") || token.IsOperator("]")) return nullptr;
  return Parse();
}

Result ExpressionParser::ParseItem(ExpressionPtr object) {
  auto item = New(Kind::kItem);
  tokens_->Take();
  item->parts.push_back(std::move(object));
  CR_ASSIGN_OR_RETURN(ExpressionPtr first, ParseSlicePart());
  if (first == nullptr && !tokens_->current().IsOperator(":")) {
    return tokens_->Unexpected("an index");
  }
  item->parts.push_back(std::move(first));
  if (tokens_->TakeOperator(":")) {
    item->kind = Kind::kSlice;
    item->parts.resize(4);
    CR_ASSIGN_OR_RETURN(item->parts[2], ParseSlicePart());
    if (tokens_->TakeOperator(":")) {
      CR_ASSIGN_OR_RETURN(item->parts[3], ParseSlicePart());
    }
  }
  CR_RETURN_IF_ERROR(tokens_->ExpectOperator("]"));
  return Finish(std::move(item));
}

Result ExpressionParser::ParseCall(ExpressionPtr callee) {
  auto call = New(Kind::kCall);
  if (callee->kind == Kind::kName) vocabulary_->CallsFunction(callee->name, callee->position);
  if (callee->kind == Kind::kAttribute) vocabulary_->CallsMethod(callee->name, callee->position);
  CR_ASSIGN_OR_RETURN(call->call, ParseCallSyntax());
  call->parts.push_back(std::move(callee));
  return Finish(std::move(call));
}

absl::StatusOr<std::unique_ptr<const CallSyntax>> ExpressionParser::ParseCallSyntax() {
  auto call = std::make_unique<CallSyntax>();
  CR_RETURN_IF_ERROR(tokens_->ExpectOperator("("));
  for (bool is_first = true; !tokens_->TakeOperator(")"); is_first = false) {
    if (!is_first) {
      CR_RETURN_IF_ERROR(tokens_->ExpectOperator(","));
      if (tokens_->TakeOperator(")")) break;
    }
    const Position position = tokens_->position();
    bool is_ordered = call->others == nullptr;
    if (tokens_->TakeOperator("*")) {
      is_ordered = is_ordered && call->rest == nullptr;
      CR_ASSIGN_OR_RETURN(call->rest, Parse());
    } else if (tokens_->TakeOperator("**")) {
      CR_ASSIGN_OR_RETURN(call->others, Parse());
    } else if (tokens_->current().kind == Token::Kind::kName && tokens_->next().IsOperator("=")) {
      const std::string name = tokens_->Take().text;
      tokens_->Take();
      vocabulary_->Assigns(name);
      CR_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
      call->named.emplace_back(name, std::move(value));
    } else {
      is_ordered = is_ordered && call->rest == nullptr && call->named.empty();
      CR_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
      call->positional.push_back(std::move(value));
    }
    if (!is_ordered) return ErrorAt(position, "the arguments of a call are in the wrong order");
  }
  return call;
}

}  // namespace convrec::jinja
