#include "libs/jinja/expression_parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::jinja {
namespace {

using Result = absl::StatusOr<ExpressionPtr>;

int DepthOf(const ExpressionPtr& part) { return part == nullptr ? 0 : part->depth; }

int DepthOf(const CallSyntax& call) {
  int depth = std::max(DepthOf(call.rest), DepthOf(call.others));
  for (const auto& part : call.positional) depth = std::max(depth, DepthOf(part));
  for (const auto& [name, part] : call.named) depth = std::max(depth, DepthOf(part));
  return depth;
}

}  // namespace

absl::Status ExpressionParser::CheckDepth() const {
  if (depth_ <= kMaxDepth) return absl::OkStatus();
  return ErrorAt(tokens_->position(), absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
}

std::unique_ptr<Expression> ExpressionParser::New(Kind kind) const {
  auto expression = std::make_unique<Expression>();
  expression->kind = kind;
  expression->position = tokens_->position();
  return expression;
}

Result ExpressionParser::Finish(std::unique_ptr<Expression> expression) const {
  int depth = expression->call == nullptr ? 0 : DepthOf(*expression->call);
  for (const ExpressionPtr& part : expression->parts) depth = std::max(depth, DepthOf(part));
  expression->depth = depth + 1;
  if (expression->depth > kMaxChain) {
    return ErrorAt(expression->position,
                   absl::StrCat("an expression has more than ", kMaxChain, " parts in a row"));
  }
  return ExpressionPtr(std::move(expression));
}

Result ExpressionParser::Parse() {
  const Nesting nesting(this);
  CR_RETURN_IF_ERROR(CheckDepth());
  CR_ASSIGN_OR_RETURN(ExpressionPtr value, ParseOr());
  while (tokens_->current().IsName("if")) {
    auto conditional = New(Kind::kConditional);
    tokens_->Take();
    conditional->parts.resize(3);
    CR_ASSIGN_OR_RETURN(conditional->parts[0], ParseOr());
    conditional->parts[1] = std::move(value);
    if (tokens_->TakeName("else")) {
      CR_ASSIGN_OR_RETURN(conditional->parts[2], Parse());
    }
    CR_ASSIGN_OR_RETURN(value, Finish(std::move(conditional)));
  }
  return value;
}

Result ExpressionParser::ParseTuple(bool with_conditional, std::string_view end_name) {
  auto tuple = New(Kind::kTuple);
  bool has_comma = false;
  while (true) {
    const Token& token = tokens_->current();
    const bool is_end = token.kind == Token::Kind::kOutputEnd ||
                        token.kind == Token::Kind::kBlockEnd || token.IsOperator(")") ||
                        (!end_name.empty() && token.IsName(end_name));
    if (is_end) break;
    CR_ASSIGN_OR_RETURN(ExpressionPtr part, with_conditional ? Parse() : ParseOr());
    tuple->parts.push_back(std::move(part));
    if (!tokens_->TakeOperator(",")) break;
    has_comma = true;
  }
  if (has_comma) return Finish(std::move(tuple));
  if (tuple->parts.empty()) return tokens_->Unexpected("an expression");
  return std::move(tuple->parts[0]);
}

Result ExpressionParser::ParseOr() {
  CR_ASSIGN_OR_RETURN(ExpressionPtr left, ParseAnd());
  while (tokens_->current().IsName("or")) {
    auto either = New(Kind::kOr);
    tokens_->Take();
    either->parts.push_back(std::move(left));
    CR_ASSIGN_OR_RETURN(ExpressionPtr right, ParseAnd());
    either->parts.push_back(std::move(right));
    CR_ASSIGN_OR_RETURN(left, Finish(std::move(either)));
  }
  return left;
}

Result ExpressionParser::ParseAnd() {
  CR_ASSIGN_OR_RETURN(ExpressionPtr left, ParseNot());
  while (tokens_->current().IsName("and")) {
    auto both = New(Kind::kAnd);
    tokens_->Take();
    both->parts.push_back(std::move(left));
    CR_ASSIGN_OR_RETURN(ExpressionPtr right, ParseNot());
    both->parts.push_back(std::move(right));
    CR_ASSIGN_OR_RETURN(left, Finish(std::move(both)));
  }
  return left;
}

Result ExpressionParser::ParseNot() {
  if (!tokens_->current().IsName("not")) return ParseCompare();
  const Nesting nesting(this);
  CR_RETURN_IF_ERROR(CheckDepth());
  auto negation = New(Kind::kNot);
  tokens_->Take();
  CR_ASSIGN_OR_RETURN(ExpressionPtr operand, ParseNot());
  negation->parts.push_back(std::move(operand));
  return Finish(std::move(negation));
}

Result ExpressionParser::ParseCompare() {
  static constexpr BinaryOperator kTable[] = {{"==", Operator::kEqual},
                                              {"!=", Operator::kNotEqual},
                                              {"<", Operator::kLess},
                                              {"<=", Operator::kLessEqual},
                                              {">", Operator::kGreater},
                                              {">=", Operator::kGreaterEqual}};
  CR_ASSIGN_OR_RETURN(ExpressionPtr first, ParseSum());
  auto compare = New(Kind::kCompare);
  compare->parts.push_back(std::move(first));
  while (true) {
    const size_t count = compare->comparisons.size();
    for (const BinaryOperator& entry : kTable) {
      if (tokens_->TakeOperator(entry.text)) {
        compare->comparisons.push_back(entry.op);
        break;
      }
    }
    if (compare->comparisons.size() == count) {
      if (tokens_->TakeName("in")) {
        compare->comparisons.push_back(Operator::kIn);
      } else if (tokens_->current().IsName("not") && tokens_->next().IsName("in")) {
        tokens_->Take();
        tokens_->Take();
        compare->comparisons.push_back(Operator::kNotIn);
      } else {
        break;
      }
    }
    CR_ASSIGN_OR_RETURN(ExpressionPtr part, ParseSum());
    compare->parts.push_back(std::move(part));
  }
  if (compare->comparisons.empty()) return std::move(compare->parts[0]);
  return Finish(std::move(compare));
}

template <size_t kSize>
Result ExpressionParser::ParseBinary(ParsePart parse, const BinaryOperator (&table)[kSize]) {
  CR_ASSIGN_OR_RETURN(ExpressionPtr left, (this->*parse)());
  while (true) {
    auto binary = New(Kind::kBinary);
    bool is_found = false;
    for (const BinaryOperator& entry : table) {
      if (is_found || !tokens_->TakeOperator(entry.text)) continue;
      binary->op = entry.op;
      is_found = true;
    }
    if (!is_found) return left;
    binary->parts.push_back(std::move(left));
    CR_ASSIGN_OR_RETURN(ExpressionPtr right, (this->*parse)());
    binary->parts.push_back(std::move(right));
    CR_ASSIGN_OR_RETURN(left, Finish(std::move(binary)));
  }
}

Result ExpressionParser::ParseSum() {
  static constexpr BinaryOperator kTable[] = {{"+", Operator::kAdd}, {"-", Operator::kSubtract}};
  return ParseBinary(&ExpressionParser::ParseConcat, kTable);
}

Result ExpressionParser::ParseConcat() {
  auto concat = New(Kind::kConcat);
  CR_ASSIGN_OR_RETURN(ExpressionPtr part, ParseProduct());
  if (!tokens_->current().IsOperator("~")) return part;
  concat->parts.push_back(std::move(part));
  while (tokens_->TakeOperator("~")) {
    CR_ASSIGN_OR_RETURN(part, ParseProduct());
    concat->parts.push_back(std::move(part));
  }
  return Finish(std::move(concat));
}

Result ExpressionParser::ParseProduct() {
  static constexpr BinaryOperator kTable[] = {{"*", Operator::kMultiply},
                                              {"/", Operator::kDivide},
                                              {"//", Operator::kFloorDivide},
                                              {"%", Operator::kModulo}};
  return ParseBinary(&ExpressionParser::ParsePower, kTable);
}

Result ExpressionParser::ParsePower() {
  static constexpr BinaryOperator kTable[] = {{"**", Operator::kPower}};
  return ParseBinary(&ExpressionParser::ParseOperand, kTable);
}

Result ExpressionParser::ParseUnary(bool with_filters) {
  ExpressionPtr operand;
  const bool is_negative = tokens_->current().IsOperator("-");
  if (is_negative || tokens_->current().IsOperator("+")) {
    const Nesting nesting(this);
    CR_RETURN_IF_ERROR(CheckDepth());
    auto unary = New(Kind::kUnary);
    tokens_->Take();
    unary->op = is_negative ? Operator::kNegate : Operator::kPlus;
    CR_ASSIGN_OR_RETURN(ExpressionPtr inner, ParseUnary(/*with_filters=*/false));
    unary->parts.push_back(std::move(inner));
    CR_ASSIGN_OR_RETURN(operand, Finish(std::move(unary)));
  } else {
    CR_ASSIGN_OR_RETURN(operand, ParsePrimary());
  }
  CR_ASSIGN_OR_RETURN(operand, ParsePostfix(std::move(operand)));
  return with_filters ? ParseFilters(std::move(operand)) : std::move(operand);
}

Result ExpressionParser::ParsePrimary() {
  const Token& token = tokens_->current();
  if (token.kind == Token::Kind::kName) return ParseName();
  if (token.kind == Token::Kind::kConstant) {
    auto constant = New(Kind::kConstant);
    constant->constant = tokens_->Take().constant;
    if (!constant->constant.is_text()) return Finish(std::move(constant));
    std::string text = constant->constant.text();
    while (tokens_->current().kind == Token::Kind::kConstant &&
           tokens_->current().constant.is_text()) {  // As in Python, adjacent strings are one.
      text += tokens_->Take().constant.text();
    }
    constant->constant = Value::OfText(std::move(text));
    return Finish(std::move(constant));
  }
  if (token.IsOperator("(")) return ParseParentheses();
  if (token.IsOperator("[")) return ParseBrackets();
  if (token.IsOperator("{")) return ParseMapping();
  return tokens_->Unexpected("an expression");
}

Result ExpressionParser::ParseName() {
  auto expression = New(Kind::kConstant);
  const std::string& name = tokens_->Take().text;
  if (name == "true" || name == "True") {
    expression->constant = Value(true);
  } else if (name == "false" || name == "False") {
    expression->constant = Value(false);
  } else if (name == "none" || name == "None") {
    expression->constant = Value(None{});
  } else {
    expression->kind = Kind::kName;
    expression->name = name;
    if (name == "loop") ++special_reads_.loop;
    if (name == "caller") ++special_reads_.caller;
    if (name == "kwargs") ++special_reads_.named;
    if (name == "varargs") ++special_reads_.rest;
  }
  return Finish(std::move(expression));
}

Result ExpressionParser::ParseParentheses() {
  auto empty = New(Kind::kTuple);
  tokens_->Take();
  if (tokens_->TakeOperator(")")) return Finish(std::move(empty));
  CR_ASSIGN_OR_RETURN(ExpressionPtr inner, ParseTuple(/*with_conditional=*/true));
  CR_RETURN_IF_ERROR(tokens_->ExpectOperator(")"));
  return inner;
}

Result ExpressionParser::ParseBrackets() {
  auto list = New(Kind::kList);
  tokens_->Take();
  while (!tokens_->TakeOperator("]")) {
    if (!list->parts.empty()) {
      CR_RETURN_IF_ERROR(tokens_->ExpectOperator(","));
      if (tokens_->TakeOperator("]")) break;
    }
    CR_ASSIGN_OR_RETURN(ExpressionPtr part, Parse());
    list->parts.push_back(std::move(part));
  }
  return Finish(std::move(list));
}

Result ExpressionParser::ParseMapping() {
  auto mapping = New(Kind::kMapping);
  tokens_->Take();
  while (!tokens_->TakeOperator("}")) {
    if (!mapping->parts.empty()) {
      CR_RETURN_IF_ERROR(tokens_->ExpectOperator(","));
      if (tokens_->TakeOperator("}")) break;
    }
    CR_ASSIGN_OR_RETURN(ExpressionPtr key, Parse());
    if (key->kind == Kind::kConstant && key->constant.is_text()) {
      vocabulary_->Assigns(key->constant.text());
    }
    CR_RETURN_IF_ERROR(tokens_->ExpectOperator(":"));
    CR_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
    mapping->parts.push_back(std::move(key));
    mapping->parts.push_back(std::move(value));
  }
  return Finish(std::move(mapping));
}

absl::StatusOr<Target> ExpressionParser::ParseTargetPart(bool with_attributes) {
  const Nesting nesting(this);
  CR_RETURN_IF_ERROR(CheckDepth());
  Target target;
  target.position = tokens_->position();
  if (tokens_->TakeOperator("(")) {
    CR_ASSIGN_OR_RETURN(target, ParseTarget(with_attributes));
    CR_RETURN_IF_ERROR(tokens_->ExpectOperator(")"));
    return target;
  }
  CR_ASSIGN_OR_RETURN(target.name, tokens_->ExpectName());
  for (const char* constant : {"true", "false", "none", "True", "False", "None"}) {
    if (target.name == constant) {
      return ErrorAt(target.position, absl::StrCat("'", constant, "' cannot be assigned to"));
    }
  }
  vocabulary_->Assigns(target.name);
  if (with_attributes && tokens_->TakeOperator(".")) {
    CR_ASSIGN_OR_RETURN(target.attribute, tokens_->ExpectName());
    vocabulary_->Assigns(target.attribute);
  }
  return target;
}

absl::StatusOr<Target> ExpressionParser::ParseTarget(bool with_attributes) {
  CR_ASSIGN_OR_RETURN(Target first, ParseTargetPart(with_attributes));
  if (!tokens_->current().IsOperator(",")) return first;
  Target tuple;
  tuple.position = first.position;
  tuple.parts.push_back(std::move(first));
  while (tokens_->TakeOperator(",")) {
    const Token& token = tokens_->current();
    if (token.kind != Token::Kind::kName && !token.IsOperator("(")) break;
    if (token.IsName("in")) break;
    CR_ASSIGN_OR_RETURN(Target part, ParseTargetPart(with_attributes));
    tuple.parts.push_back(std::move(part));
  }
  return tuple;
}

absl::Status ExpressionParser::ParseSignature(Signature* signature) {
  CR_RETURN_IF_ERROR(tokens_->ExpectOperator("("));
  while (!tokens_->TakeOperator(")")) {
    if (!signature->parameters.empty()) CR_RETURN_IF_ERROR(tokens_->ExpectOperator(","));
    const Position position = tokens_->position();
    CR_ASSIGN_OR_RETURN(const std::string name, tokens_->ExpectName());
    vocabulary_->Assigns(name);
    signature->parameters.push_back(name);
    if (tokens_->TakeOperator("=")) {
      CR_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
      signature->defaults.push_back(std::move(value));
    } else if (!signature->defaults.empty()) {
      return ErrorAt(position, "a parameter without a default follows one with a default");
    }
  }
  return absl::OkStatus();
}

}  // namespace convrec::jinja
