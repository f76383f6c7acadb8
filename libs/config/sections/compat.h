// Whose semantics a run has.
#pragma once

#include <array>
#include <string>
#include <utility>

#include "libs/config/table.h"

namespace convrec::config {

enum class Compat {
  kFixed,      // Corrected.
  kReference,  // The published scripts', faults included.
};
constexpr std::array<const char*, 2> NamesOf(Compat) { return {"fixed", "reference"}; }

// For rules of the table; `why` follows in messages.
When IsReference(const auto& run, std::string why = "") {
  return {run.compat == Compat::kReference, "compat is reference", std::move(why)};
}

}  // namespace convrec::config
