#include "libs/config/value_expansion.h"

#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"

namespace convrec::config {
namespace {

bool IsVariableName(const std::string& name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  for (const char c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return true;
}

absl::StatusOr<std::string> ExpandVariables(const std::string& value) {
  std::string expanded;
  size_t at = 0;
  while (at < value.size()) {
    if (value.compare(at, 3, "$${") == 0) {
      expanded += "${";
      at += 3;
    } else if (value.compare(at, 2, "${") == 0) {
      const size_t end = value.find('}', at);
      const std::string name = value.substr(at + 2, end == std::string::npos ? end : end - at - 2);
      if (end == std::string::npos || !IsVariableName(name)) {
        return base::BadConfig(
            absl::StrCat("\"", value, "\" holds \"${\" without a variable name and \"}\""));
      }
      const char* content = std::getenv(name.c_str());
      if (content == nullptr) {
        return base::BadConfig(absl::StrCat(
            "\"", value, "\" needs the environment variable ", name, ", which is not set"));
      }
      expanded += content;
      at = end + 1;
    } else {
      expanded += value[at++];
    }
  }
  return expanded;
}

}  // namespace

absl::StatusOr<std::string> ExpandValue(Reading reading,
                                        const std::string& value,
                                        const std::string& directory) {
  if (reading == Reading::kVerbatim) return value;
  CR_ASSIGN_OR_RETURN(std::string expanded, ExpandVariables(value));
  if (reading == Reading::kVariables || expanded.empty()) return expanded;
  if (expanded == "~" || expanded.starts_with("~/")) {
    const char* home = std::getenv("HOME");
    if (home == nullptr)
      return base::BadConfig(
          absl::StrCat("\"", value, "\" needs the environment variable HOME, which is not set"));
    expanded = absl::StrCat(home, expanded.substr(1));
  }
  if (reading == Reading::kPath) return expanded;
  std::error_code error;
  const std::filesystem::path base =
      std::filesystem::absolute(directory.empty() ? "." : directory, error);
  if (error)
    return base::BadConfig(absl::StrCat("\"", value, "\" cannot be resolved: ", error.message()));
  return (base / expanded).lexically_normal().string();
}

std::string EscapeValue(Reading reading, const std::string& value) {
  return reading == Reading::kVerbatim ? value : absl::StrReplaceAll(value, {{"${", "$${"}});
}

}  // namespace convrec::config
