#include "libs/jinja/parser.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/expression_parser.h"

namespace convrec::jinja {
namespace {

using Names = std::initializer_list<const char*>;
using Result = absl::StatusOr<std::unique_ptr<const Statement>>;
using Kind = Statement::Kind;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<Body> Run() {
    CR_ASSIGN_OR_RETURN(Body body, ParseBody({}));
    CR_RETURN_IF_ERROR(vocabulary_.Check());
    return body;
  }

 private:
  // Statements up to a tag that begins with one of `ends`; that name is then the current token.
  // Without `ends`, up to the end of the template.
  absl::StatusOr<Body> ParseBody(Names ends) {
    const ExpressionParser::Nesting nesting(&expressions_);
    CR_RETURN_IF_ERROR(expressions_.CheckDepth());
    Body body;
    while (tokens_.current().kind != Token::Kind::kEnd) {
      const Token& token = tokens_.current();
      if (token.kind == Token::Kind::kText) {
        auto text = New(Kind::kText);
        text->text = tokens_.Take().text;
        body.push_back(std::move(text));
      } else if (token.kind == Token::Kind::kOutputBegin) {
        CR_ASSIGN_OR_RETURN(auto output, ParseOutput());
        body.push_back(std::move(output));
      } else {
        CR_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kBlockBegin, "a tag"));
        for (const char* end : ends) {
          if (tokens_.current().IsName(end)) return body;
        }
        CR_ASSIGN_OR_RETURN(auto statement, ParseStatement(ends));
        if (statement != nullptr) body.push_back(std::move(statement));
        CR_RETURN_IF_ERROR(ExpectBlockEnd());
      }
    }
    if (ends.size() == 0) return body;
    return ErrorAt(tokens_.position(),
                   absl::StrCat("the template ends where '", *ends.begin(), "' is missing"));
  }

  // "%}", a body, and the name of the tag that ends it, which is consumed.
  absl::StatusOr<Body> ParseBlock(const char* end) {
    CR_ASSIGN_OR_RETURN(Body body, ParseBlockUpTo({end}));
    tokens_.Take();
    return body;
  }
  absl::StatusOr<Body> ParseBlockUpTo(Names ends) {
    tokens_.TakeOperator(":");  // Which jinja2 allows, for people used to Python.
    CR_RETURN_IF_ERROR(ExpectBlockEnd());
    return ParseBody(ends);
  }

  absl::Status ExpectBlockEnd() { return tokens_.Expect(Token::Kind::kBlockEnd, "'%}'"); }

  std::unique_ptr<Statement> New(Kind kind) const {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->position = tokens_.position();
    return statement;
  }

  Result ParseOutput() {
    auto output = New(Kind::kOutput);
    tokens_.Take();
    CR_ASSIGN_OR_RETURN(output->expression, expressions_.ParseTuple(/*with_conditional=*/true));
    CR_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kOutputEnd, "'}}'"));
    return output;
  }

  Result ParseStatement(Names ends) {
    const Position position = tokens_.position();
    auto statement = New(Kind::kText);
    CR_ASSIGN_OR_RETURN(const std::string tag, tokens_.ExpectName());
    if (tag == "set") return ParseSet(std::move(statement));
    if (tag == "if") return ParseIf(std::move(statement));
    if (tag == "for") return ParseFor(std::move(statement));
    if (tag == "macro") return ParseMacro(std::move(statement));
    if (tag == "call") return ParseCallBlock(std::move(statement));
    if (tag == "filter") return ParseFilterBlock(std::move(statement));
    if (tag == "with") return ParseWith(std::move(statement));
    if (tag == "print") return ParsePrint(std::move(statement));
    if (tag == "generation") {
      statement->kind = Kind::kGeneration;
      CR_ASSIGN_OR_RETURN(statement->body, ParseBlock("endgeneration"));
      return statement;
    }
    if (tag == "break" || tag == "continue") {
      if (num_loops_ == 0) {
        return ErrorAt(position, absl::StrCat("'", tag, "' stands outside of a loop"));
      }
      statement->kind = tag == "break" ? Kind::kBreak : Kind::kContinue;
      return statement;
    }
    std::string message = absl::StrCat("the tag '", tag, "' is not known");
    if (ends.size() > 0) absl::StrAppend(&message, "; '", *ends.begin(), "' would be expected");
    return ErrorAt(position, message);
  }

  Result ParseSet(std::unique_ptr<Statement> set) {
    CR_ASSIGN_OR_RETURN(Target target, expressions_.ParseTarget(/*with_attributes=*/true));
    set->targets.push_back(std::move(target));
    if (tokens_.TakeOperator("=")) {
      set->kind = Kind::kSet;
      CR_ASSIGN_OR_RETURN(set->expression, expressions_.ParseTuple(/*with_conditional=*/true));
      return set;
    }
    set->kind = Kind::kSetBlock;
    CR_ASSIGN_OR_RETURN(set->expression, expressions_.ParseBlockFilters(false));
    CR_ASSIGN_OR_RETURN(set->body, ParseBlock("endset"));
    return set;
  }

  Result ParseIf(std::unique_ptr<Statement> statement) {
    statement->kind = Kind::kIf;
    while (true) {
      Statement::Branch branch;
      CR_ASSIGN_OR_RETURN(branch.condition, expressions_.ParseTuple(/*with_conditional=*/false));
      CR_ASSIGN_OR_RETURN(branch.body, ParseBlockUpTo({"endif", "elif", "else"}));
      statement->branches.push_back(std::move(branch));
      const std::string end = tokens_.Take().text;
      if (end == "elif") continue;
      if (end == "else") {
        CR_ASSIGN_OR_RETURN(statement->body, ParseBlock("endif"));
      }
      return statement;
    }
  }

  Result ParseFor(std::unique_ptr<Statement> loop) {
    loop->kind = Kind::kFor;
    const Position position = tokens_.position();
    CR_ASSIGN_OR_RETURN(Target target, expressions_.ParseTarget(/*with_attributes=*/false));
    if (target.name == "loop") {
      return ErrorAt(position, "'loop' cannot be assigned to in a for");
    }
    loop->targets.push_back(std::move(target));
    if (!tokens_.TakeName("in")) return tokens_.Unexpected("'in'");
    CR_ASSIGN_OR_RETURN(loop->expression,
                        expressions_.ParseTuple(/*with_conditional=*/false, "recursive"));
    if (tokens_.TakeName("if")) {
      CR_ASSIGN_OR_RETURN(loop->condition, expressions_.Parse());
    }
    loop->is_recursive = tokens_.TakeName("recursive");
    const int num_reads = expressions_.special_reads().loop;
    ++num_loops_;
    CR_ASSIGN_OR_RETURN(loop->body, ParseBlockUpTo({"endfor", "else"}));
    --num_loops_;
    loop->uses_loop = expressions_.special_reads().loop > num_reads;
    if (tokens_.Take().text == "else") {
      CR_ASSIGN_OR_RETURN(loop->otherwise, ParseBlock("endfor"));
    }
    return loop;
  }

  // A macro's or call block's body, which is a function of its own.
  absl::Status ParseFunctionBody(const char* end, Statement* function) {
    const ExpressionParser::SpecialReads before = expressions_.special_reads();
    const int num_loops = std::exchange(num_loops_, 0);
    CR_ASSIGN_OR_RETURN(function->body, ParseBlock(end));
    num_loops_ = num_loops;
    const ExpressionParser::SpecialReads after = expressions_.special_reads();
    function->signature.takes_caller = after.caller > before.caller;
    function->signature.takes_named = after.named > before.named;
    function->signature.takes_rest = after.rest > before.rest;
    return absl::OkStatus();
  }

  Result ParseMacro(std::unique_ptr<Statement> macro) {
    macro->kind = Kind::kMacro;
    CR_ASSIGN_OR_RETURN(macro->signature.name, tokens_.ExpectName());
    vocabulary_.Assigns(macro->signature.name);
    CR_RETURN_IF_ERROR(expressions_.ParseSignature(&macro->signature));
    CR_RETURN_IF_ERROR(ParseFunctionBody("endmacro", macro.get()));
    return macro;
  }

  Result ParseCallBlock(std::unique_ptr<Statement> block) {
    block->kind = Kind::kCallBlock;
    if (tokens_.current().IsOperator("(")) {
      CR_RETURN_IF_ERROR(expressions_.ParseSignature(&block->signature));
    }
    CR_ASSIGN_OR_RETURN(block->expression, expressions_.Parse());
    if (block->expression->kind != Expression::Kind::kCall) {
      return ErrorAt(block->position, "a call block needs a call, as in {% call f() %}");
    }
    CR_RETURN_IF_ERROR(ParseFunctionBody("endcall", block.get()));
    return block;
  }

  Result ParseFilterBlock(std::unique_ptr<Statement> block) {
    block->kind = Kind::kFilterBlock;
    CR_ASSIGN_OR_RETURN(block->expression, expressions_.ParseBlockFilters(true));
    CR_ASSIGN_OR_RETURN(block->body, ParseBlock("endfilter"));
    return block;
  }

  Result ParseWith(std::unique_ptr<Statement> block) {
    block->kind = Kind::kWith;
    while (tokens_.current().kind != Token::Kind::kBlockEnd) {
      if (!block->targets.empty()) CR_RETURN_IF_ERROR(tokens_.ExpectOperator(","));
      CR_ASSIGN_OR_RETURN(Target target, expressions_.ParseTarget(/*with_attributes=*/false));
      block->targets.push_back(std::move(target));
      CR_RETURN_IF_ERROR(tokens_.ExpectOperator("="));
      CR_ASSIGN_OR_RETURN(ExpressionPtr value, expressions_.Parse());
      block->values.push_back(std::move(value));
    }
    CR_ASSIGN_OR_RETURN(block->body, ParseBlock("endwith"));
    return block;
  }

  Result ParsePrint(std::unique_ptr<Statement> print) {
    print->kind = Kind::kOutput;
    CR_ASSIGN_OR_RETURN(print->expression, expressions_.Parse());
    if (tokens_.current().IsOperator(",")) {
      return ErrorAt(tokens_.position(), "print of several values is not supported");
    }
    return print;
  }

  TokenStream tokens_;
  Vocabulary vocabulary_;
  ExpressionParser expressions_{&tokens_, &vocabulary_};
  int num_loops_ = 0;  // Around the current token, within its macro.
};

}  // namespace

absl::StatusOr<Body> ParseTemplate(std::string_view source) {
  CR_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  return Parser(std::move(tokens)).Run();
}

}  // namespace convrec::jinja
