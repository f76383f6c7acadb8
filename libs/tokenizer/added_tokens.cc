#include "libs/tokenizer/added_tokens.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/string_view.h"

namespace convrec::tokenizer {
namespace {

bool IsWordCharacter(UChar32 code_point) {
  return u_hasBinaryProperty(code_point, UCHAR_ALPHABETIC) != 0 ||
         u_hasBinaryProperty(code_point, UCHAR_JOIN_CONTROL) != 0 ||
         (U_GET_GC_MASK(code_point) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

struct Character {
  UChar32 code_point;
  size_t num_bytes;
};

// `text` is not empty.
Character FirstCharacter(std::string_view text) {
  Character first{0, 0};
  U8_NEXT(reinterpret_cast<const uint8_t*>(text.data()),
          first.num_bytes,
          text.size(),
          first.code_point);
  return first;
}

// `text` is not empty.
Character LastCharacter(std::string_view text) {
  const std::string_view tail = text.substr(text.size() - std::min<size_t>(text.size(), 4));
  auto position = static_cast<int32_t>(tail.size());
  UChar32 code_point = 0;
  U8_PREV(reinterpret_cast<const uint8_t*>(tail.data()), 0, position, code_point);
  return {code_point, tail.size() - static_cast<size_t>(position)};
}

bool StartsWithWord(std::string_view text) {
  return !text.empty() && IsWordCharacter(FirstCharacter(text).code_point);
}

bool EndsWithWord(std::string_view text) {
  return !text.empty() && IsWordCharacter(LastCharacter(text).code_point);
}

// Where the white space at the end of `text` begins.
size_t TrailingSpace(std::string_view text) {
  while (!text.empty()) {
    const Character last = LastCharacter(text);
    if (u_isUWhiteSpace(last.code_point) == 0) break;
    text.remove_suffix(last.num_bytes);
  }
  return text.size();
}

// The length of the white space `text` starts with.
size_t LeadingSpace(std::string_view text) {
  size_t length = 0;
  while (length < text.size()) {
    const Character next = FirstCharacter(text.substr(length));
    if (u_isUWhiteSpace(next.code_point) == 0) break;
    length += next.num_bytes;
  }
  return length;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& content = tokens_[i].content;
    if (content.empty()) continue;
    index_of_content_.emplace(content, i);
    auto& lengths = lengths_by_first_byte_[static_cast<uint8_t>(content[0])];
    if (std::find(lengths.begin(), lengths.end(), content.size()) == lengths.end()) {
      lengths.push_back(content.size());
    }
  }
  for (auto& lengths : lengths_by_first_byte_) {
    std::sort(lengths.begin(), lengths.end(), std::greater<>());
  }
}

const AddedToken* AddedTokenMatcher::Find(std::string_view text, size_t position) const {
  for (const size_t length : lengths_by_first_byte_[static_cast<uint8_t>(text[position])]) {
    if (length > text.size() - position) continue;
    const auto found = index_of_content_.find(absl::string_view(text.data() + position, length));
    if (found != index_of_content_.end()) return &tokens_[found->second];
  }
  return nullptr;
}

std::vector<AddedTokenMatcher::Segment> AddedTokenMatcher::Split(
    std::string_view text, SpecialTokens special_tokens) const {
  std::vector<Segment> segments;
  const auto add_text = [&](size_t begin, size_t end) {
    if (end > begin) segments.push_back({text.substr(begin, end - begin), std::nullopt});
  };
  size_t done = 0;
  for (size_t position = 0; position < text.size();) {
    const AddedToken* token = Find(text, position);
    if (token == nullptr) {
      ++position;
      continue;
    }
    size_t begin = position;
    size_t end = begin + token->content.size();
    // The search continues after a match even if the match is rejected.
    position = end;
    if (token->is_special && special_tokens == SpecialTokens::kLeave) continue;
    if (token->single_word &&
        (EndsWithWord(text.substr(0, begin)) || StartsWithWord(text.substr(end)))) {
      continue;
    }
    // White space that the previous token has taken stays with it.
    if (token->lstrip) begin = std::max(TrailingSpace(text.substr(0, begin)), done);
    if (token->rstrip) end += LeadingSpace(text.substr(end));
    add_text(done, begin);
    segments.push_back({text.substr(begin, end - begin), token->id});
    done = end;
  }
  add_text(done, text.size());
  return segments;
}

}  // namespace convrec::tokenizer
