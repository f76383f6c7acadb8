#include "libs/config/table.h"

#include <gtest/gtest.h>

#include "libs/config/run_options.h"

namespace convrec::config {
namespace {

// Changes the value to another one of its type.
struct ChangeValue {
  void operator()(std::monostate) const {}
  void operator()(bool* value) const { *value = !*value; }
  void operator()(std::string* value) const { *value += "x"; }
  void operator()(absl::Duration* value) const { *value += absl::Seconds(1); }
  void operator()(const Choice& choice) const {
    choice.set((choice.get() + 1) % choice.words.size());
  }
  template <typename T>
  void operator()(T* number) const {
    *number += 1;
  }
};

std::vector<std::string> KeysThatDiffer(const Table& a, const Table& b) {
  std::vector<std::string> keys;
  for (const Row& row : a.rows()) {
    if (!SameValue(row, *b.Find(row.key))) keys.push_back(row.key);
  }
  return keys;
}

TEST(TableTest, EveryRowHasItsOwnValueAndHelp) {
  RunOptions defaults;
  const Table table = TableOf(defaults);
  for (const Row& row : table.rows()) {
    EXPECT_FALSE(row.help.empty()) << row.key;
    if (row.is_group()) continue;
    RunOptions options;
    const Table changed = TableOf(options);
    std::visit(ChangeValue(), changed.Find(row.key)->value);
    EXPECT_EQ(KeysThatDiffer(table, changed), std::vector<std::string>{row.key});
    CopyValue(row, *changed.Find(row.key));
    EXPECT_TRUE(KeysThatDiffer(table, changed).empty()) << row.key;
  }
}

struct Pair {
  int first = 1;
  std::string second = "b";
};
struct Nothing {};

void Describe(Pair& pair, const Nothing&, Table& table) {
  table.Key("first", pair.first).Help("One of two.");
}

TEST(TableDeathTest, MemberWithoutARowIsABug) {
  Pair pair;
  Table table;
  EXPECT_DEATH(table.Group("pair", "Two.", pair, Nothing()), "pair has 2 members, 1 rows");
}

}  // namespace
}  // namespace convrec::config
