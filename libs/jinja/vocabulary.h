// What a template names, gathered while it is parsed, to refuse at load what would be unknown at
// the time of rendering.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "libs/jinja/position.h"

namespace convrec::jinja {

class Vocabulary final {
 public:
  // A name that the template assigns: a variable, a parameter, a macro, an attribute, a key.
  void Assigns(const std::string& name) { assigned_.insert(name); }
  // A name of which the template asks whether it is defined.
  void AsksFor(const std::string& name) { assigned_.insert(name); }
  void CallsFunction(const std::string& name, Position position) {
    functions_.push_back({name, position});
  }
  void CallsMethod(const std::string& name, Position position) {
    methods_.push_back({name, position});
  }

  // Refuses calls of functions and methods that neither the language has nor the template assigns.
  absl::Status Check() const;

 private:
  struct Use {
    std::string name;
    Position position;
  };
  std::unordered_set<std::string> assigned_;
  std::vector<Use> functions_;
  std::vector<Use> methods_;
};

}  // namespace convrec::jinja
