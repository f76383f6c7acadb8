// A parsed template: statements and expressions, each with its position.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/jinja/position.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

struct Filter;
struct Test;
struct Expression;
struct Statement;

using ExpressionPtr = std::unique_ptr<const Expression>;
using Body = std::vector<std::unique_ptr<const Statement>>;

enum class Operator {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kNegate,
  kPlus,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};
constexpr std::array<const char*, 17> NamesOf(Operator) {
  return {"+",
          "-",
          "*",
          "/",
          "//",
          "%",
          "**",
          "-",
          "+",
          "==",
          "!=",
          "<",
          "<=",
          ">",
          ">=",
          "in",
          "not in"};
}

// "(a, b, *rest, key=c, **others)".
struct CallSyntax {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr rest;    // nullptr = none.
  ExpressionPtr others;  // nullptr = none.
};

// The comment at each kind lists the fields it uses.
struct Expression {
  enum class Kind {
    kConstant,     // constant
    kName,         // name
    kTuple,        // parts
    kList,         // parts
    kMapping,      // parts: key, value, key, value, ...
    kConditional,  // parts: condition, then, otherwise (nullptr = undefined)
    kAnd,
    kOr,         // parts: left, right
    kNot,        // parts: operand
    kUnary,      // op; parts: operand
    kBinary,     // op; parts: left, right
    kCompare,    // parts: first, second, ...; comparisons: one between each two
    kConcat,     // parts
    kAttribute,  // parts: object; name
    kItem,       // parts: object, key
    kSlice,      // parts: object, begin, end, step (each of the three may be nullptr)
    kCall,       // parts: callee; call
    kFilter,     // parts: subject (nullptr = the text of a block); filter; call (may be nullptr)
    kTest,       // parts: subject; test; call (may be nullptr)
  };

  Kind kind = Kind::kConstant;
  Position position;
  int depth = 1;  // 1 + the depth of its deepest part.
  std::vector<ExpressionPtr> parts;
  Value constant;
  std::string name;
  Operator op = Operator::kAdd;
  std::vector<Operator> comparisons;
  std::unique_ptr<const CallSyntax> call;
  const Filter* filter = nullptr;
  const Test* test = nullptr;
};

// What a value is assigned to: a name, an attribute of a namespace, or several of them.
struct Target {
  std::string name;       // "" = parts.
  std::string attribute;  // "" = the name itself.
  std::vector<Target> parts;
  Position position;
};

// Parameters of a macro or of a call block.
struct Signature {
  std::string name;  // Name of the macro; "" = a call block.
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults;  // Defaults of the last parameters.
  // Whether its body reads `caller`, `kwargs`, `varargs`: then it takes more than its parameters.
  bool takes_caller = false, takes_named = false, takes_rest = false;
};

struct Statement {
  enum class Kind {
    kText,         // text
    kOutput,       // expression
    kSet,          // targets[0], expression
    kSetBlock,     // targets[0], expression (its filters, or nullptr), body
    kIf,           // branches, body (of else)
    kFor,          // targets[0], expression, condition (or nullptr), is_recursive, uses_loop, body,
                   // otherwise
    kMacro,        // signature, body
    kCallBlock,    // signature, expression (a call), body
    kFilterBlock,  // expression (its filters), body
    kWith,         // targets, values, body
    kGeneration,   // body
    kBreak,
    kContinue,
  };
  struct Branch {
    ExpressionPtr condition;
    Body body;
  };

  Kind kind = Kind::kText;
  Position position;
  std::string text;
  ExpressionPtr expression;
  ExpressionPtr condition;
  std::vector<Target> targets;
  std::vector<ExpressionPtr> values;
  std::vector<Branch> branches;
  Signature signature;
  bool is_recursive = false;
  bool uses_loop = false;
  Body body;
  Body otherwise;
};

}  // namespace convrec::jinja
