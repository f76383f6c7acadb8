// Which semantics a run follows.
#pragma once

#include <array>
#include <string>
#include <utility>

#include "libs/config/table.h"

namespace convrec::config {

enum class Compat {
  kFixed,      // Corrected.
  kReference,  // Those of the published scripts, faults included.
};
constexpr std::array<const char*, 2> NamesOf(Compat) { return {"fixed", "reference"}; }

// For rules of the table; messages append `why`.
When IsReference(const auto& run, std::string why = "") {
  return {run.compat == Compat::kReference, "compat is reference", std::move(why)};
}

}  // namespace convrec::config
