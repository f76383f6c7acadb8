// Finds the token with which a chat template ends an assistant's turn.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convrec::tokenizer {

// Renders a short chat and examines what follows the answer. nullopt when the template cannot be
// used, or does not end the turn with an added token. `token_at` returns the added token that a
// text begins with.
std::optional<int32_t> FindEndOfTurn(
    const std::string& chat_template,
    const std::vector<std::pair<std::string, std::string>>& named_tokens,
    const std::function<std::optional<int32_t>(std::string_view)>& token_at);

}  // namespace convrec::tokenizer
