// The YAML names of the enumerations of run_options.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/config/run_options.h"

namespace convrec::config {

// Defined for every enumeration of run_options.h.
template <typename Enum>
std::string NameOf(Enum value);  // "dr_grpo"
template <typename Enum>
std::optional<Enum> ParseName(std::string_view name);
template <typename Enum>
std::vector<std::string> AllNames();

}  // namespace convrec::config
