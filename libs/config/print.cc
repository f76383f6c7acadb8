#include "libs/config/print.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"
#include "libs/config/value_expansion.h"

namespace convrec::config {
namespace {

using base::NameOf;
using nlohmann::ordered_json;

// The shortest text that reads back as `value`, always with a decimal point, so that every YAML
// reader treats it as a number: 1.0e-06.
std::string DoubleText(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  CR_CHECK(end.ec == std::errc());
  std::string text(buffer.data(), end.ptr);
  if (text.find('.') != std::string::npos) return text;
  const size_t exponent = text.find('e');
  return text.insert(exponent == std::string::npos ? text.size() : exponent, ".0");
}

// JSON's quoting is a subset of YAML's. Invalid UTF-8 is replaced rather than printed.
std::string QuotedText(const std::string& text) {
  return ordered_json(text).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// Texts of several plain lines read better as a block.
bool FitsBlock(const std::string& text) {
  if (text.find('\n') == std::string::npos || text.front() == ' ' || text.front() == '\n' ||
      text.back() == '\n')
    return false;
  for (const char c : text) {
    if (c != '\n' && static_cast<unsigned char>(c) < 0x20) return false;
  }
  return true;
}

std::string BlockText(const std::string& text, const std::string& indent) {
  std::string block = "|-";
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    absl::StrAppend(&block, "\n", line.empty() ? "" : absl::StrCat(indent, "  "), line);
  }
  return block;
}

struct YamlText {
  const Row& row;
  std::optional<std::string> indent;  // Of texts of several lines; absent = all in one.

  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const double* value) const { return DoubleText(*value); }
  std::string operator()(const absl::Duration* value) const {
    return DoubleText(absl::ToDoubleSeconds(*value));
  }
  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const std::string* value) const {
    const std::string text = EscapeValue(row.reading, *value);
    return indent && FitsBlock(text) ? BlockText(text, *indent) : QuotedText(text);
  }
  std::string operator()(const Choice& choice) const {
    return QuotedText(choice.words[choice.get()]);
  }
  template <typename T>
  std::string operator()(const T* integer) const {
    return absl::StrCat(*integer);
  }
};

struct JsonValue {
  const Row& row;

  ordered_json operator()(std::monostate) const { return ordered_json::object(); }
  ordered_json operator()(const absl::Duration* value) const {
    return absl::ToDoubleSeconds(*value);
  }
  ordered_json operator()(const std::string* value) const {
    return EscapeValue(row.reading, *value);
  }
  ordered_json operator()(const Choice& choice) const { return choice.words[choice.get()]; }
  template <typename T>
  ordered_json operator()(const T* value) const {
    return *value;
  }
};

ordered_json JsonOf(const Row& row) { return std::visit(JsonValue{row}, row.value); }

}  // namespace

std::string ValueYaml(const Row& row) { return std::visit(YamlText{row, std::nullopt}, row.value); }

std::string PrintYaml(RunOptions options) {
  std::string out;
  const Table table = TableOf(options);
  for (const Row& row : table.rows()) {
    const std::string indent(2 * row.depth(), ' ');
    if (row.is_group() && indent.empty()) absl::StrAppend(&out, "\n");
    absl::StrAppend(&out, indent, "# ", row.help, "\n", indent, row.name, ":");
    if (!row.is_group()) absl::StrAppend(&out, " ", std::visit(YamlText{row, indent}, row.value));
    absl::StrAppend(&out, "\n");
  }
  return out;
}

std::string PrintJson(RunOptions options) {
  ordered_json object;
  const Table table = TableOf(options);
  for (const Row& row : table.rows()) {
    const std::string path = absl::StrCat("/", absl::StrReplaceAll(row.key, {{".", "/"}}));
    object[ordered_json::json_pointer(path)] = JsonOf(row);
  }
  return absl::StrCat(object.dump(2, ' ', false, ordered_json::error_handler_t::replace), "\n");
}

std::vector<std::string> ChangedKeys(RunOptions before, RunOptions after, Places places) {
  std::vector<std::string> changes;
  const Table old_table = TableOf(before);
  const Table new_table = TableOf(after);
  for (const Row& row : old_table.rows()) {
    const Row& other = *new_table.Find(row.key);
    if (SameValue(row, other) || (row.is_place && places == Places::kIgnored)) continue;
    changes.push_back(
        absl::StrCat(row.key, ": ", JsonOf(row).dump(), " -> ", JsonOf(other).dump()));
  }
  return changes;
}

std::string DescribeEstimator(const RunOptions& options) {
  const ObjectiveOptions& objective = options.learner.objective;
  std::string text = absl::StrCat(NameOf(objective.method),
                                  ": ",
                                  NameOf(objective.ratio_unit),
                                  " ratio, ",
                                  NameOf(objective.advantage_unit),
                                  " advantage, loss ",
                                  NameOf(objective.loss_type),
                                  ", clip [",
                                  1 - objective.clip_low,
                                  ", ",
                                  1 + objective.clip_high,
                                  "], KL ",
                                  objective.kl_beta);
  if (objective.entropy_weight > 0) absl::StrAppend(&text, ", entropy ", objective.entropy_weight);
  if (objective.correction != Correction::kOff) {
    absl::StrAppend(&text,
                    ", ",
                    NameOf(objective.correction_unit),
                    " weights with ",
                    NameOf(objective.correction));
  }
  if (objective.dynamic_sampling) absl::StrAppend(&text, ", dynamic sampling");
  absl::StrAppend(
      &text, ", reward ", NameOf(options.reward.rule), ", compat ", NameOf(options.compat));
  return text;
}

}  // namespace convrec::config
