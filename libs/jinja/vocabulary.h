// The names used in a template, collected while it is parsed, so that names that rendering would
// not know are refused at load.
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
  // A name that the template tests with `is defined`.
  void AsksFor(const std::string& name) { assigned_.insert(name); }
  void CallsFunction(const std::string& name, Position position) {
    functions_.push_back({name, position});
  }
  void CallsMethod(const std::string& name, Position position) {
    methods_.push_back({name, position});
  }

  // Refuses calls of functions and methods that are neither in the language nor assigned by the
  // template.
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
