#include "libs/tokenizer/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/text/utf8.h"
#include "libs/tokenizer/byte_alphabet.h"
#include "libs/tokenizer/pre_tokenizer.h"

namespace convrec::tokenizer {
namespace {

using Pair = std::pair<int32_t, int32_t>;

// A distinct piece of the texts.
struct Word {
  std::vector<int32_t> ids;
  int64_t count = 0;
};

// The count of a pair when it was queued; it may have changed since.
struct Candidate {
  int64_t count;
  Pair pair;
  bool operator<(const Candidate& other) const {
    if (count != other.count) return count < other.count;
    return pair > other.pair;
  }
};

// Holds the words in their current tokens and counts the adjacent pairs.
class Merger final {
 public:
  Merger(std::vector<Word> words, int32_t max_token_bytes)
      : words_(std::move(words)), max_token_bytes_(max_token_bytes) {
    if (max_token_bytes_ == 1) return;
    for (size_t i = 0; i < words_.size(); ++i) {
      const std::vector<int32_t>& ids = words_[i].ids;
      for (size_t j = 0; j + 1 < ids.size(); ++j) {
        const Pair pair{ids[j], ids[j + 1]};
        counts_[pair] += words_[i].count;
        words_of_pair_[pair].insert(i);
      }
    }
    for (const auto& [pair, count] : counts_) queue_.push({count, pair});
  }

  // The most frequent pair, or nullopt if none occurs `min_count` times.
  std::optional<Pair> NextPair(int64_t min_count) {
    while (!queue_.empty()) {
      const Candidate candidate = queue_.top();
      queue_.pop();
      const int64_t count = counts_[candidate.pair];
      if (count != candidate.count) {
        queue_.push({count, candidate.pair});
        continue;
      }
      if (count < std::max<int64_t>(min_count, 1)) return std::nullopt;
      return candidate.pair;
    }
    return std::nullopt;
  }

  // Merges `pair` into one token in all words. `lengths[id]` is the number of bytes of a token.
  void Merge(const Pair& pair, int32_t merged, const std::vector<int32_t>& lengths) {
    absl::flat_hash_set<Pair> grown;
    const absl::flat_hash_set<size_t> affected = std::move(words_of_pair_[pair]);
    words_of_pair_.erase(pair);
    for (const size_t index : affected) MergeInWord(index, pair, merged, lengths, &grown);
    for (const Pair& changed : grown) {
      if (const int64_t count = counts_[changed]; count > 0) queue_.push({count, changed});
    }
  }

 private:
  void MergeInWord(size_t index,
                   const Pair& pair,
                   int32_t merged,
                   const std::vector<int32_t>& lengths,
                   absl::flat_hash_set<Pair>* grown) {
    Word& word = words_[index];
    std::vector<int32_t>& ids = word.ids;
    const auto is_allowed = [&](const Pair& p) {
      return max_token_bytes_ == 0 ||
             lengths[static_cast<size_t>(p.first)] + lengths[static_cast<size_t>(p.second)] <=
                 max_token_bytes_;
    };
    const auto add = [&](const Pair& p) {
      if (!is_allowed(p)) return;
      counts_[p] += word.count;
      words_of_pair_[p].insert(index);
      grown->insert(p);
    };
    size_t write = 0;
    for (size_t read = 0; read < ids.size(); ++write) {
      if (read + 1 < ids.size() && ids[read] == pair.first && ids[read + 1] == pair.second) {
        // To the left of the new token is what has been written, to its right what is still to be
        // read.
        if (write > 0) {
          counts_[{ids[write - 1], pair.first}] -= word.count;
          add({ids[write - 1], merged});
        }
        if (read + 2 < ids.size()) {
          counts_[{pair.second, ids[read + 2]}] -= word.count;
          add({merged, ids[read + 2]});
        }
        counts_[pair] -= word.count;
        ids[write] = merged;
        read += 2;
      } else {
        ids[write] = ids[read];
        read += 1;
      }
    }
    ids.resize(write);
  }

  std::vector<Word> words_;
  int32_t max_token_bytes_;
  absl::flat_hash_map<Pair, int64_t> counts_;
  absl::flat_hash_map<Pair, absl::flat_hash_set<size_t>> words_of_pair_;
  std::priority_queue<Candidate> queue_;
};

absl::Status CheckOptions(const BpeTrainerOptions& options) {
  absl::flat_hash_set<std::string> names;
  for (const std::string& token : options.special_tokens) {
    // Shorter ones could not be distinguished from the token of a byte.
    if (token.size() < 3) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tokenizer training: the special token '", token, "' is shorter than three bytes"));
    }
    if (!names.insert(token).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tokenizer training: the special token '", token, "' is given twice"));
    }
  }
  for (const auto* role : {&options.bos_token, &options.eos_token, &options.padding_token}) {
    if (role->empty() || names.contains(*role)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer training: '", *role, "' is not one of the special tokens"));
  }
  const size_t smallest = options.special_tokens.size() + 256;
  if (options.vocab_size < 0 || static_cast<size_t>(options.vocab_size) < smallest) {
    return absl::InvalidArgumentError(absl::StrCat("tokenizer training: vocab_size is ",
                                                   options.vocab_size,
                                                   ", but the special tokens and bytes alone are ",
                                                   smallest));
  }
  return absl::OkStatus();
}

// Distinct pieces in the order of their bytes, so that nothing depends on a hash.
std::map<std::string, int64_t> CountPieces(std::span<const std::string> texts,
                                           const PreTokenizer& pre_tokenizer) {
  std::map<std::string, int64_t> counts;
  for (const std::string& text : texts) {
    std::deque<std::string> storage;
    const std::string valid_text = text::ReplaceInvalidUtf8(text);
    for (const std::string_view piece :
         pre_tokenizer.Split(valid_text, TextPlace::kBegin, &storage)) {
      ++counts[std::string(piece)];
    }
  }
  return counts;
}

std::optional<int32_t> RoleId(const BpeTrainerOptions& options, const std::string& token) {
  const auto found = std::find(options.special_tokens.begin(), options.special_tokens.end(), token);
  if (token.empty() || found == options.special_tokens.end()) return std::nullopt;
  return static_cast<int32_t>(found - options.special_tokens.begin());
}

// The tokenizer as far as it is trained.
class Growing final {
 public:
  // Has the special tokens and one token per byte.
  explicit Growing(const BpeTrainerOptions& options) {
    spec_.split_regex = options.split_regex;
    spec_.bos_id = RoleId(options, options.bos_token);
    spec_.eos_id = RoleId(options, options.eos_token);
    spec_.padding_id = RoleId(options, options.padding_token);
    for (const std::string& token : options.special_tokens)
      Add(token, TokenType::kControl, static_cast<int32_t>(token.size()));
    for (const uint8_t byte : BytesInAlphabetOrder()) {
      const char c = static_cast<char>(byte);
      id_of_byte_[byte] = Add(ToByteLevel(std::string_view(&c, 1)), TokenType::kNormal, 1);
    }
  }

  Word WordOf(const std::string& piece, int64_t count) const {
    Word word{.ids = {}, .count = count};
    for (const char byte : piece) word.ids.push_back(id_of_byte_[static_cast<uint8_t>(byte)]);
    return word;
  }

  // The token of the pair; nullopt if that is a special token: markup that stands in the texts must
  // not be put together from its bytes.
  std::optional<int32_t> Merge(const Pair& pair) {
    const std::string left = spec_.tokens[static_cast<size_t>(pair.first)];
    const std::string right = spec_.tokens[static_cast<size_t>(pair.second)];
    // Two pairs can give the same text; then they share the token.
    const auto found = ids_.find(left + right);
    if (found != ids_.end() &&
        spec_.token_types[static_cast<size_t>(found->second)] == TokenType::kControl)
      return std::nullopt;
    const int32_t merged = found != ids_.end()
                               ? found->second
                               : Add(left + right,
                                     TokenType::kNormal,
                                     lengths_[static_cast<size_t>(pair.first)] +
                                         lengths_[static_cast<size_t>(pair.second)]);
    spec_.merges.push_back(absl::StrCat(left, " ", right));
    return merged;
  }

  // The number of bytes of each token.
  const std::vector<int32_t>& lengths() const { return lengths_; }
  const TokenizerSpec& spec() const { return spec_; }

 private:
  int32_t Add(const std::string& token, TokenType type, int32_t length) {
    const auto id = static_cast<int32_t>(spec_.tokens.size());
    ids_.emplace(token, id);
    spec_.tokens.push_back(token);
    spec_.token_types.push_back(type);
    lengths_.push_back(length);
    return id;
  }

  TokenizerSpec spec_;
  absl::flat_hash_map<std::string, int32_t> ids_;
  std::vector<int32_t> lengths_;
  std::array<int32_t, 256> id_of_byte_{};
};

}  // namespace

absl::StatusOr<TokenizerSpec> TrainBpe(std::span<const std::string> texts,
                                       const BpeTrainerOptions& options) {
  CR_RETURN_IF_ERROR(CheckOptions(options));
  PreTokenizerStep split;
  split.regex = options.split_regex;
  CR_ASSIGN_OR_RETURN(const PreTokenizer pre_tokenizer, PreTokenizer::Create({split}));

  Growing growing(options);
  std::vector<Word> words;
  for (const auto& [piece, count] : CountPieces(texts, pre_tokenizer))
    words.push_back(growing.WordOf(piece, count));
  Merger merger(std::move(words), options.max_token_bytes);
  const auto is_full = [&] {
    return growing.spec().tokens.size() >= static_cast<size_t>(options.vocab_size) ||
           (options.max_merges > 0 &&
            growing.spec().merges.size() >= static_cast<size_t>(options.max_merges));
  };
  while (!is_full()) {
    const std::optional<Pair> pair = merger.NextPair(options.min_pair_count);
    if (!pair) break;
    if (const std::optional<int32_t> merged = growing.Merge(*pair))
      merger.Merge(*pair, *merged, growing.lengths());
  }
  return growing.spec();
}

absl::Status TrainBpeInto(std::span<const std::string> texts,
                          const BpeTrainerOptions& options,
                          const std::string& directory) {
  CR_ASSIGN_OR_RETURN(const TokenizerSpec spec, TrainBpe(texts, options));
  return WriteTokenizerJson(spec, directory);
}

}  // namespace convrec::tokenizer
