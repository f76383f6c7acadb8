// Byte-pair encoding of one piece of text. Initially its bytes, or its characters, are tokens; then
// the adjacent pair with the highest-ranked merge becomes one token, until no merge applies.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace convrec::tokenizer {

// Immutable except for a cache of pieces; thread-safe.
class Bpe final {
 public:
  struct Merge {
    int32_t left;
    int32_t right;
    int32_t merged;
  };
  struct Options {
    std::vector<Merge> merges;  // Highest rank first; of equal pairs the last one counts.
    // By code point. If set, pieces begin as characters, and a character that is not here begins as
    // its bytes if all of them have tokens. If not set, pieces begin as bytes.
    std::optional<absl::flat_hash_map<int32_t, int32_t>> id_of_character;
    std::array<int32_t, 256> id_of_byte{};  // -1 = the vocabulary lacks the byte.
    // Replaces a byte or character that the vocabulary lacks; nullopt = they are dropped.
    std::optional<int32_t> unknown_id;
    bool fuse_unknown = false;  // A run of unknown ones is one token.
    // Pieces that are whole tokens, whatever the merges say; empty unless `ignore_merges`.
    absl::flat_hash_map<std::string, int32_t> whole_pieces;
  };

  explicit Bpe(Options options);
  ~Bpe();
  Bpe(Bpe&&) noexcept;
  Bpe& operator=(Bpe&&) noexcept;

  // Appends the tokens of `piece`, which must be valid UTF-8 if pieces begin as characters.
  void Encode(std::string_view piece, std::vector<int32_t>* ids) const;

 private:
  struct RankedMerge {
    int32_t rank;
    int32_t merged;
  };
  class Cache;

  std::vector<int32_t> MergePiece(std::string_view piece) const;
  std::vector<int32_t> ByteTokens(std::string_view piece) const;
  std::vector<int32_t> CharacterTokens(std::string_view piece) const;
  // Appends the tokens of the bytes of `character` if all of them have one.
  bool AppendBytes(std::string_view character, std::vector<int32_t>* ids) const;
  const RankedMerge* FindMerge(int32_t left, int32_t right) const;

  absl::flat_hash_map<uint64_t, RankedMerge> merges_;
  std::optional<absl::flat_hash_map<int32_t, int32_t>> id_of_character_;
  std::array<int32_t, 256> id_of_byte_;
  std::optional<int32_t> unknown_id_;
  bool fuse_unknown_;
  absl::flat_hash_map<std::string, int32_t> whole_pieces_;
  std::unique_ptr<Cache> cache_;
};

}  // namespace convrec::tokenizer
