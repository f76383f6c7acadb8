#include "libs/config/table.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/config/run_options.h"

namespace convrec::config {
namespace {

struct ShowValue {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const std::string* text) const { return absl::StrCat("\"", *text, "\""); }
  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const absl::Duration* value) const {
    return absl::StrCat(absl::ToDoubleSeconds(*value));
  }
  std::string operator()(const Choice& choice) const { return choice.words[choice.get()]; }
  template <typename T>
  std::string operator()(const T* number) const {
    return absl::StrCat(*number);
  }
};

std::string Since(const When& when) {
  return when.words.empty() ? "" : absl::StrCat(", since ", when.words, when.why);
}

}  // namespace

bool Row::is_text() const {
  return std::holds_alternative<std::string*>(value) || std::holds_alternative<Choice>(value);
}

size_t Row::depth() const { return std::count(key.begin(), key.end(), '.'); }

Row& Row::Help(std::string text) {
  help = std::move(text);
  return *this;
}

Row& Row::Must(Rule rule) {
  rules.push_back(std::move(rule));
  return *this;
}

Row& Row::Must(bool holds, std::string expected, When when) {
  return Must({.holds = holds, .expected = std::move(expected), .when = std::move(when)});
}

Row& Row::NotEmpty(const std::string& text, std::string expected, When when) {
  return Must({.holds = !text.empty(),
               .expected = std::move(expected),
               .when = std::move(when),
               .shown = "empty"});
}

Row& Row::IdleIf(When when) {
  idle.push_back(std::move(when));
  return *this;
}

Row& Row::Read(Reading how) {
  reading = how;
  return *this;
}

Row& Row::Place() {
  is_place = true;
  return *this;
}

Row& Table::Add(const char* name, Value value) {
  const std::string key = absl::StrCat(prefix_, name);
  CR_CHECK(index_.emplace(key, rows_.size()).second, key);
  return rows_.emplace_back(Row{.key = key, .name = name, .value = std::move(value)});
}

size_t Table::Open(const char* name, const char* help) {
  Add(name, std::monostate()).Help(help);
  absl::StrAppend(&prefix_, name, ".");
  return rows_.size() - 1;
}

void Table::Close(size_t group, size_t num_members) {
  const size_t depth = rows_[group].depth() + 1;
  const auto num_rows = std::count_if(
      rows_.begin() + group, rows_.end(), [depth](const Row& row) { return row.depth() == depth; });
  CR_CHECK(static_cast<size_t>(num_rows) == num_members,
           absl::StrCat(rows_[group].key, " has ", num_members, " members, ", num_rows, " rows"));
  prefix_.resize(prefix_.size() - rows_[group].name.size() - 1);
}

const Row* Table::Find(const std::string& key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &rows_[found->second];
}

Table TableOf(RunOptions& options) {
  Table table;
  Describe(options, table);
  return table;
}

std::optional<std::string> BrokenRule(const Row& row) {
  for (const Rule& rule : row.rules) {
    if (rule.holds || !rule.when.holds) continue;
    return absl::StrCat("is ",
                        rule.shown.empty() ? std::visit(ShowValue(), row.value) : rule.shown,
                        ": expected ",
                        rule.expected,
                        Since(rule.when));
  }
  return std::nullopt;
}

std::optional<std::string> IdleReason(const Row& row) {
  for (const When& when : row.idle) {
    if (when.holds) return absl::StrCat("has no effect", Since(when), ": leave it out");
  }
  return std::nullopt;
}

bool SameValue(const Row& a, const Row& b) {
  return std::visit(
      [&b](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        const T& other = std::get<T>(b.value);
        if constexpr (std::is_same_v<T, Choice>) {
          return value.get() == other.get();
        } else if constexpr (std::is_pointer_v<T>) {
          return *value == *other;
        } else {
          return true;
        }
      },
      a.value);
}

void CopyValue(const Row& from, const Row& to) {
  std::visit(
      [&to](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        const T& other = std::get<T>(to.value);
        if constexpr (std::is_same_v<T, Choice>) {
          other.set(value.get());
        } else if constexpr (std::is_pointer_v<T>) {
          *other = *value;
        }
      },
      from.value);
}

}  // namespace convrec::config
