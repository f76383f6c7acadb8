#include "libs/config/load.h"

#include <filesystem>
#include <functional>
#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/config/method_preset.h"
#include "libs/config/yaml_merge.h"

namespace convrec::config {
namespace {

// The values of keys that `chosen` does not set.
RunOptions DefaultsFor(const RunOptions& chosen) {
  RunOptions options;
  options.compat = chosen.compat;
  // The published trainer averages over tokens whatever the paper says.
  if (chosen.compat == Compat::kReference) options.learner.objective.loss_type = LossType::kBnpo;
  options.learner.objective.method = chosen.learner.objective.method;
  ApplyMethod(&options.learner.objective);
  return options;
}

// What is wrong with a row, if anything.
using Fault = std::function<std::optional<std::string>(const Row&)>;

// The first row with a fault, as BadConfig with the place that set it. Keys that were set come
// first, because they may cause the faults of others.
absl::Status CheckRows(const Table& table, const Origins& origins, const Fault& fault) {
  for (const bool was_set : {true, false}) {
    for (const Row& row : table.rows()) {
      const auto origin = origins.find(row.key);
      if ((origin != origins.end()) != was_set) continue;
      const std::string place = was_set ? absl::StrCat(origin->second, ": ") : "";
      if (const std::optional<std::string> message = fault(row))
        return base::BadConfig(absl::StrCat(place, row.key, " ", *message));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunOptions> LoadRunOptions(const std::vector<std::string>& files,
                                          const std::vector<std::string>& overrides) {
  RunOptions chosen;
  const Table chosen_table = TableOf(chosen);
  Origins origins;  // Of the keys that are set; the others have their defaults.
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = base::ReadFile(file);
    if (!text.ok()) return base::BadConfig(text.status().message());
    const std::string directory = std::filesystem::path(file).parent_path().string();
    CR_RETURN_IF_ERROR(MergeYaml(*text, file, directory, chosen_table, &origins));
  }
  for (const std::string& assignment : overrides)
    CR_RETURN_IF_ERROR(MergeOverride(assignment, chosen_table, &origins));

  RunOptions defaults = DefaultsFor(chosen);
  RunOptions options = defaults;
  const Table options_table = TableOf(options);
  for (const auto& [key, place] : origins)
    CopyValue(*chosen_table.Find(key), *options_table.Find(key));

  const Table defaults_table = TableOf(defaults);
  const Table table = TableOf(options);  // The rules of the values that have come together.
  CR_RETURN_IF_ERROR(CheckRows(table, origins, BrokenRule));
  CR_RETURN_IF_ERROR(CheckRows(table, origins, [&](const Row& row) {
    return SameValue(row, *defaults_table.Find(row.key)) ? std::nullopt : IdleReason(row);
  }));
  return options;
}

}  // namespace convrec::config
