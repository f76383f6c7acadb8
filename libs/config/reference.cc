#include "libs/config/reference.h"

#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "libs/config/print.h"
#include "libs/config/run_options.h"

namespace convrec::config {
namespace {

constexpr char kIntroduction[] =
    "# Configuration\n"
    "Every key of a run's YAML file and of `key=value` on a command line. `convrec config` prints "
    "them with the values of\na run, `convrec config --help-keys learner.sft` explains those of a "
    "section. Rules that name other keys are shown with\ntheir defaults.\n\n"
    "This file is written by `convrec config --markdown` from the tables in "
    "`libs/config/sections`; a test compares them.\n";

struct TypeWords {
  Reading reading;

  std::string operator()(std::monostate) const { return "group"; }
  std::string operator()(const int*) const { return "integer"; }
  std::string operator()(const uint64_t*) const { return "integer"; }
  std::string operator()(const double*) const { return "number"; }
  std::string operator()(const absl::Duration*) const { return "seconds"; }
  std::string operator()(const bool*) const { return "true or false"; }
  std::string operator()(const std::string*) const {
    return reading == Reading::kPath || reading == Reading::kInputPath ? "path" : "text";
  }
  std::string operator()(const Choice& choice) const { return absl::StrJoin(choice.words, ", "); }
};

std::string If(const When& when) {
  return when.words.empty() ? "" : absl::StrCat(" if ", when.words);
}

// The facts of a row other than its help, as sentences.
std::vector<std::string> Notes(const Row& row) {
  std::vector<std::string> notes;
  for (const Rule& rule : row.rules)
    notes.push_back(absl::StrCat("Expects ", rule.expected, If(rule.when), "."));
  for (const When& when : row.idle) notes.push_back(absl::StrCat("Has no effect", If(when), "."));
  if (row.is_place) notes.push_back("May change when a run is resumed.");
  return notes;
}

bool IsDirectlyIn(const Row& row, const std::string& group) {
  return row.key == (group.empty() ? row.name : absl::StrCat(group, ".", row.name));
}

std::string KeysOf(const Table& table, const std::string& group) {
  std::string text = "\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n";
  for (const Row& row : table.rows()) {
    if (row.is_group() || !IsDirectlyIn(row, group)) continue;
    std::vector<std::string> sentences = Notes(row);
    sentences.insert(sentences.begin(), row.help);
    absl::StrAppend(
        &text,
        "| `",
        row.key,
        "` | ",
        std::visit(TypeWords{row.reading}, row.value),
        " | `",
        ValueYaml(row),
        "` | ",
        absl::StrReplaceAll(absl::StrJoin(sentences, " "), {{"|", "\\|"}, {"*", "\\*"}}),
        " |\n");
  }
  return text;
}

}  // namespace

std::string ReferenceMarkdown() {
  RunOptions defaults;
  const Table table = TableOf(defaults);
  std::string text = absl::StrCat(kIntroduction, KeysOf(table, ""));
  for (const Row& row : table.rows()) {
    if (!row.is_group()) continue;
    absl::StrAppend(&text, "\n## ", row.key, "\n", row.help, "\n", KeysOf(table, row.key));
  }
  return text;
}

std::string KeyHelp(const std::string& prefix) {
  RunOptions defaults;
  const Table table = TableOf(defaults);
  std::string text;
  for (const Row& row : table.rows()) {
    const bool is_wanted =
        prefix.empty() || row.key == prefix || row.key.starts_with(absl::StrCat(prefix, "."));
    if (row.is_group() || !is_wanted) continue;
    absl::StrAppend(&text,
                    row.key,
                    "=",
                    ValueYaml(row),
                    "  (",
                    std::visit(TypeWords{row.reading}, row.value),
                    ")\n    ",
                    row.help,
                    "\n");
    for (const std::string& note : Notes(row)) absl::StrAppend(&text, "    ", note, "\n");
  }
  return text;
}

std::string SectionHelp() {
  RunOptions defaults;
  const Table table = TableOf(defaults);
  std::string text = "Sections of the configuration; --help-keys explains their keys:\n";
  for (const Row& row : table.rows()) {
    if (row.is_group() && row.depth() == 0)
      absl::StrAppend(&text, absl::StrFormat("  %-12s%s\n", row.name, row.help));
  }
  return text;
}

}  // namespace convrec::config
