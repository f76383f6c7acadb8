// The variables of one block of a template, and of the blocks around it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/jinja/value.h"

namespace convrec::jinja {

// Names are looked up in all scopes around a block and assigned in its own. Not thread-safe.
class Scope final {
 public:
  // `parent` may be nullptr; otherwise it must outlive the scope.
  explicit Scope(Scope* parent) : parent_(parent) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // nullptr when no scope has it.
  const Value* Find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
      for (const auto& [known, value] : scope->variables_) {
        if (known == name) return &value;
      }
    }
    return nullptr;
  }
  void Set(std::string_view name, Value value) {
    for (auto& [known, held] : variables_) {
      if (known == name) {
        held = std::move(value);
        return;
      }
    }
    variables_.emplace_back(name, std::move(value));
  }
  void Clear() { variables_.clear(); }

  // A macro keeps the scopes in which it was defined; they must then live as long as it does.
  void Keep() {
    for (Scope* scope = this; scope != nullptr && !scope->is_kept_; scope = scope->parent_) {
      scope->is_kept_ = true;
    }
  }
  bool is_kept() const { return is_kept_; }

 private:
  Scope* const parent_;
  // Names belong to the template or to the arguments of the rendering, which outlive all scopes.
  std::vector<std::pair<std::string_view, Value>> variables_;
  bool is_kept_ = false;
};

}  // namespace convrec::jinja
