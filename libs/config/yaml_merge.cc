#include "libs/config/yaml_merge.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/config/retired_keys.h"
#include "libs/config/value_expansion.h"
#include "libs/text/words.h"

namespace convrec::config {
namespace {

std::string Join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : absl::StrCat(prefix, ".", name);
}

std::string DidYouMean(const std::string& suggestion) {
  return suggestion.empty() ? "" : absl::StrCat("; did you mean \"", suggestion, "\"?");
}

// Suggests the nearest key of the same group, or the first of that name elsewhere.
std::string UnknownKey(const Table& table, const std::string& prefix, const std::string& name) {
  std::vector<std::string> siblings;
  std::string elsewhere;
  for (const Row& row : table.rows()) {
    if (row.key == Join(prefix, row.name)) siblings.push_back(row.name);
    if (row.name == name && elsewhere.empty()) elsewhere = row.key;
  }
  const std::string nearest = text::NearestWord(name, siblings);
  return absl::StrCat("unknown key \"",
                      name,
                      "\"",
                      prefix.empty() ? "" : absl::StrCat(" in ", prefix),
                      DidYouMean(nearest.empty() ? elsewhere : Join(prefix, nearest)));
}

struct ExpectedType {
  std::string operator()(std::monostate) const { return "keys and values"; }
  std::string operator()(const int*) const { return "an integer"; }
  std::string operator()(const uint64_t*) const { return "an integer >= 0"; }
  std::string operator()(const double*) const { return "a number"; }
  std::string operator()(const absl::Duration*) const { return "a number"; }
  std::string operator()(const bool*) const { return "true or false"; }
  std::string operator()(const std::string*) const { return "a text"; }
  std::string operator()(const Choice&) const { return "a text"; }
};

// Reads `text` into a value; false when it has another type.
struct ReadValue {
  const std::string& text;

  bool operator()(std::monostate) const { return false; }
  bool operator()(int* value) const { return absl::SimpleAtoi(text, value); }
  bool operator()(uint64_t* value) const { return absl::SimpleAtoi(text, value); }
  bool operator()(double* value) const {
    return absl::SimpleAtod(text, value) && std::isfinite(*value);
  }
  bool operator()(absl::Duration* value) const {
    double seconds = 0;
    if (!(*this)(&seconds)) return false;
    *value = absl::Seconds(seconds);
    return true;
  }
  bool operator()(bool* value) const {
    *value = text == "true";
    return *value || text == "false";
  }
  bool operator()(std::string* value) const {
    *value = text;
    return true;
  }
  bool operator()(const Choice& choice) const {
    const auto found = std::find(choice.words.begin(), choice.words.end(), text);
    if (found == choice.words.end()) return false;
    choice.set(static_cast<size_t>(found - choice.words.begin()));
    return true;
  }
};

// Merges one document or override into the options.
class Merger final {
 public:
  Merger(const Table& table,
         std::string place,
         bool has_lines,
         std::string directory,
         Origins* origins)
      : table_(table),
        place_(std::move(place)),
        has_lines_(has_lines),
        directory_(std::move(directory)),
        origins_(origins) {}

  absl::Status MergeMap(const YAML::Node& node, const std::string& prefix) {
    std::set<std::string> names;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return Error(entry.first, "a key must be a word");
      const std::string& name = entry.first.Scalar();
      const Row* row = table_.Find(Join(prefix, name));
      if (row == nullptr && IsRetired(Join(prefix, name))) {
        CR_LOG(WARNING) << PlaceOf(entry.first) << ": " << Join(prefix, name)
                        << " has no effect any more: leave it out";
        continue;
      }
      if (row == nullptr || row->name != name)
        return Error(entry.first, UnknownKey(table_, prefix, name));
      if (!names.insert(name).second)
        return Error(entry.first, absl::StrCat("key \"", row->key, "\" is set twice"));
      CR_RETURN_IF_ERROR(MergeNode(entry.second, entry.first, *row));
    }
    return absl::OkStatus();
  }

  // `name` is the node whose line is reported.
  absl::Status MergeNode(const YAML::Node& node, const YAML::Node& name, const Row& row) {
    if (row.is_group()) {
      return node.IsMap() ? MergeMap(node, row.key) : WrongType(name, row, Shown(node));
    }
    if (!node.IsScalar()) return WrongType(name, row, Shown(node));
    const bool quoted = node.Tag() == "!";
    if (quoted && !row.is_text())
      return WrongType(name, row, absl::StrCat("the text \"", node.Scalar(), "\""));
    return SetScalar(node.Scalar(), name, row);
  }

  absl::Status SetScalar(std::string text, const YAML::Node& name, const Row& row) {
    if (row.is_text()) {
      absl::StatusOr<std::string> expanded = ExpandValue(row.reading, text, directory_);
      if (!expanded.ok())
        return Error(name, absl::StrCat(row.key, ": ", std::string(expanded.status().message())));
      text = *std::move(expanded);
    }
    if (!std::visit(ReadValue{text}, row.value)) {
      const auto* choice = std::get_if<Choice>(&row.value);
      return choice == nullptr ? WrongType(name, row, text) : UnknownWord(name, row, *choice, text);
    }
    (*origins_)[row.key] = PlaceOf(name);
    return absl::OkStatus();
  }

  absl::Status Error(const YAML::Node& node, const std::string& message) const {
    return base::BadConfig(absl::StrCat(PlaceOf(node), ": ", message));
  }

 private:
  std::string PlaceOf(const YAML::Node& node) const {
    return has_lines_ ? absl::StrCat(place_, ":", node.Mark().line + 1) : place_;
  }

  static std::string Shown(const YAML::Node& node) {
    if (node.IsNull()) return "without a value";
    if (node.IsMap()) return "a group of keys";
    return node.IsSequence() ? "a list" : absl::StrCat("\"", node.Scalar(), "\"");
  }

  absl::Status WrongType(const YAML::Node& name, const Row& row, const std::string& shown) const {
    return Error(
        name,
        absl::StrCat(row.key, " is ", shown, ": expected ", std::visit(ExpectedType(), row.value)));
  }

  absl::Status UnknownWord(const YAML::Node& name,
                           const Row& row,
                           const Choice& choice,
                           const std::string& word) const {
    return Error(name,
                 absl::StrCat(row.key,
                              " is \"",
                              word,
                              "\": expected one of ",
                              absl::StrJoin(choice.words, ", "),
                              DidYouMean(text::NearestWord(word, choice.words))));
  }

  const Table& table_;
  const std::string place_;
  const bool has_lines_;
  const std::string directory_;
  Origins* const origins_;
};

}  // namespace

absl::Status MergeYaml(const std::string& text,
                       const std::string& file,
                       const std::string& directory,
                       const Table& table,
                       Origins* origins) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1)
      return base::BadConfig(
          absl::StrCat(file, ": holds ", documents.size(), " YAML documents: expected one"));
    if (documents.empty() || documents[0].IsNull()) return absl::OkStatus();
    Merger merger(table, file, /*has_lines=*/true, directory, origins);
    if (!documents[0].IsMap())
      return merger.Error(documents[0], "expected keys and values, as in \"seed: 1\"");
    return merger.MergeMap(documents[0], "");
  } catch (const YAML::Exception& error) {
    return base::BadConfig(
        absl::StrCat(file, ":", error.mark.line + 1, ": not valid YAML: ", error.msg));
  }
}

absl::Status MergeOverride(const std::string& assignment, const Table& table, Origins* origins) {
  const std::string place = absl::StrCat("override \"", assignment, "\"");
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    return base::BadConfig(absl::StrCat(place, ": expected KEY=VALUE, as in learner.steps=5"));
  }
  const std::string text = assignment.substr(equals + 1);
  const Row* row = nullptr;
  for (const std::string& name :
       std::vector<std::string>(absl::StrSplit(assignment.substr(0, equals), '.'))) {
    const std::string prefix = row == nullptr ? "" : row->key;
    if (row != nullptr && !row->is_group())
      return base::BadConfig(absl::StrCat(place, ": ", prefix, " has no keys below it"));
    row = table.Find(Join(prefix, name));
    if (row == nullptr)
      return base::BadConfig(absl::StrCat(place, ": ", UnknownKey(table, prefix, name)));
  }

  Merger merger(table, place, /*has_lines=*/false, /*directory=*/"", origins);
  const bool in_quotes = !text.empty() && (text[0] == '"' || text[0] == '\'');
  if (row->is_text() && !in_quotes) return merger.SetScalar(text, YAML::Node(), *row);
  try {
    return merger.MergeNode(YAML::Load(text), YAML::Node(), *row);
  } catch (const YAML::Exception& error) {
    return base::BadConfig(absl::StrCat(place, ": not valid YAML: ", error.msg));
  }
}

}  // namespace convrec::config
