// Token ids in the JSON files of a tokenizer: whole numbers from 0 to 2^31 - 1.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "libs/json/json_object.h"

namespace convrec::tokenizer {

inline std::optional<int32_t> AsId(const nlohmann::json& value) {
  int64_t id = 0;
  if (!json::ReadInteger(value, 0, INT32_MAX, &id)) return std::nullopt;
  return static_cast<int32_t>(id);
}

}  // namespace convrec::tokenizer
