#include "libs/config/key_completion.h"

#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/config/run_options.h"
#include "libs/config/table.h"

namespace convrec::config {
namespace {

std::vector<std::string> ValuesOf(const Row& row) {
  if (const auto* choice = std::get_if<Choice>(&row.value)) return choice->words;
  if (std::holds_alternative<bool*>(row.value)) return {"true", "false"};
  return {};
}

}  // namespace

std::vector<base::Candidate> CompleteKey(const std::string& word) {
  RunOptions defaults;
  const Table table = TableOf(defaults);
  std::vector<base::Candidate> candidates;
  const auto add = [&](const std::string& candidate, const std::string& help) {
    if (absl::StartsWith(candidate, word)) candidates.push_back({candidate, help});
  };
  if (const size_t equals = word.find('='); equals != std::string::npos) {
    const std::string key = word.substr(0, equals);
    const Row* const row = table.Find(key);
    if (row == nullptr) return {};
    for (const std::string& value : ValuesOf(*row)) add(absl::StrCat(key, "=", value), "");
    return candidates;
  }
  const std::string section = word.substr(0, word.rfind('.') + 1);  // With its dot; may be empty.
  for (const Row& row : table.rows()) {
    if (row.key == absl::StrCat(section, row.name))
      add(absl::StrCat(row.key, row.is_group() ? "." : "="), row.help);
  }
  return candidates;
}

}  // namespace convrec::config
