// The configuration as a table: one row per key, in the order in which it is printed.
//
// A header in sections/ holds a struct, whose members give types and defaults, and Describe(),
// which adds the rows: key, help, rules, and when a key has no effect. All code that reads, checks,
// prints or documents a configuration goes through these rows.
//
// A table is bound to the RunOptions it was made from: rows write to it, and their rules refer to
// the values it had then. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/enum_names.h"
#include "libs/config/arity.h"
#include "libs/config/rules.h"

namespace convrec::config {

struct RunOptions;

// A condition on another key. In messages `words` follow "since" or "if", and `why` follows
// `words`.
struct When {
  bool holds = true;
  std::string words = "";  // "compat is reference"; "" = always.
  std::string why = "";
};

struct Rule {
  bool holds = true;
  std::string expected;    // "at least 2"
  When when = {};          // The rule applies only then.
  std::string shown = "";  // The value shown in messages; "" = the value itself.
};

// A value that is one of several words.
struct Choice {
  std::vector<std::string> words;
  std::function<size_t()> get;
  std::function<void(size_t)> set;
};

// Points to the value of a key; monostate for a group of keys.
using Value = std::
    variant<std::monostate, int*, uint64_t*, double*, bool*, std::string*, absl::Duration*, Choice>;

// How a text is read: with ${VAR} expanded; unchanged; as a path, where "~/" is the home directory;
// as a path to the user's data, which is relative to the file that sets it.
enum class Reading { kVariables, kVerbatim, kPath, kInputPath };

struct Row {
  std::string key;   // "learner.steps"
  std::string name;  // "steps"
  Value value;
  std::string help = "";
  std::vector<Rule> rules = {};
  std::vector<When> idle = {};  // If one holds, the key has no effect.
  Reading reading = Reading::kVariables;
  bool is_place = false;  // Where processes run and listen; may change when a run is resumed.

  bool is_group() const { return std::holds_alternative<std::monostate>(value); }
  bool is_text() const;  // True also for one of several words.
  size_t depth() const;  // 1 for "learner.steps".

  Row& Help(std::string text);
  Row& Must(Rule rule);
  Row& Must(bool holds, std::string expected, When when = {});
  Row& NotEmpty(const std::string& value, std::string expected, When when = {});
  Row& IdleIf(When when);
  Row& Read(Reading how);
  Row& Place();
};

class Table final {
 public:
  template <typename T>
  Row& Key(const char* name, T& value) {
    return Add(name, ValueOf(value));
  }
  template <typename T>
  Row& Key(const char* name, T& value, const Limits& limits) {
    return Add(name, &value).Must(limits.Hold(AsNumber(value)), limits.words);
  }
  Row& Key(const char* name, std::string& value, const TextRule& rule) {
    return Add(name, &value).Must(rule.holds(value), rule.words);
  }
  // An enumeration, or the word `none`.
  template <typename Enum>
  Row& Key(const char* name, std::optional<Enum>& value, const char* none);

  // Adds the rows of Describe(section, context, *this) below "name."; dies unless there are as many
  // as the section has members.
  template <typename Section, typename Context>
  void Group(const char* name, const char* help, Section& section, const Context& context) {
    const size_t group = Open(name, help);
    Describe(section, context, *this);
    Close(group, NumMembers<Section>());
  }

  const std::deque<Row>& rows() const { return rows_; }
  // nullptr when there is no such key.
  const Row* Find(const std::string& key) const;

 private:
  template <typename T>
  static Value ValueOf(T& value) {
    if constexpr (std::is_enum_v<T>) {
      return Choice{base::AllNames<T>(),
                    [&value] { return static_cast<size_t>(value); },
                    [&value](size_t index) { value = static_cast<T>(index); }};
    } else {
      return &value;
    }
  }
  static double AsNumber(double value) { return value; }
  static double AsNumber(absl::Duration value) { return absl::ToDoubleSeconds(value); }

  Row& Add(const char* name, Value value);
  size_t Open(const char* name, const char* help);
  void Close(size_t group, size_t num_members);

  std::string prefix_;
  std::deque<Row> rows_;
  std::map<std::string, size_t> index_;
};

// The table of `options`, which must outlive it.
Table TableOf(RunOptions& options);

// The first broken rule of a row, as text that follows its key: "is 0: expected an integer from 1
// to 100". Likewise "has no effect, since ..." for an idle row.
std::optional<std::string> BrokenRule(const Row& row);
std::optional<std::string> IdleReason(const Row& row);

bool SameValue(const Row& a, const Row& b);
// Rows of the same key.
void CopyValue(const Row& from, const Row& to);

template <typename Enum>
Row& Table::Key(const char* name, std::optional<Enum>& value, const char* none) {
  std::vector<std::string> words = base::AllNames<Enum>();
  words.insert(words.begin(), none);
  return Add(name,
             Choice{std::move(words),
                    [&value] { return value ? static_cast<size_t>(*value) + 1 : 0; },
                    [&value](size_t index) {
                      value = index == 0 ? std::nullopt
                                         : std::optional<Enum>(static_cast<Enum>(index - 1));
                    }});
}

}  // namespace convrec::config
