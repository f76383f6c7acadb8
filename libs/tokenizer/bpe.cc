#include "libs/tokenizer/bpe.h"

#include <unicode/utf8.h>

#include <cstddef>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace convrec::tokenizer {
namespace {

constexpr size_t kNumShards = 16;
constexpr size_t kMaxEntriesPerShard = 4096;
constexpr size_t kMaxCachedBytes = 256;

uint64_t PairKey(int32_t left, int32_t right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
}

// A token of the piece in a doubly linked list; id -1 = merged into the one before.
struct Symbol {
  int32_t id;
  int32_t previous;
  int32_t next;
};

// A merge that was possible when it was queued; the smallest rank, then the leftmost, goes first.
struct Candidate {
  int32_t rank;
  int32_t position;
  int32_t merged;
  bool operator<(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

}  // namespace

// Pieces seen before. A full shard is emptied.
class Bpe::Cache final {
 public:
  bool Find(std::string_view piece, std::vector<int32_t>* ids) {
    Shard& shard = ShardOf(piece);
    absl::MutexLock lock(&shard.mu);
    const auto entry = shard.pieces.find(absl::string_view(piece.data(), piece.size()));
    if (entry == shard.pieces.end()) return false;
    ids->insert(ids->end(), entry->second.begin(), entry->second.end());
    return true;
  }

  void Insert(std::string_view piece, std::vector<int32_t> ids) {
    Shard& shard = ShardOf(piece);
    absl::MutexLock lock(&shard.mu);
    if (shard.pieces.size() >= kMaxEntriesPerShard) shard.pieces.clear();
    shard.pieces.emplace(std::string(piece), std::move(ids));
  }

 private:
  struct Shard {
    absl::Mutex mu;
    absl::flat_hash_map<std::string, std::vector<int32_t>> pieces ABSL_GUARDED_BY(mu);
  };

  Shard& ShardOf(std::string_view piece) {
    return shards_[absl::HashOf(absl::string_view(piece.data(), piece.size())) / 64 % kNumShards];
  }

  std::array<Shard, kNumShards> shards_;
};

Bpe::Bpe(Options options)
    : id_of_character_(std::move(options.id_of_character)),
      id_of_byte_(options.id_of_byte),
      unknown_id_(options.unknown_id),
      fuse_unknown_(options.fuse_unknown),
      whole_pieces_(std::move(options.whole_pieces)),
      cache_(std::make_unique<Cache>()) {
  merges_.reserve(options.merges.size());
  for (size_t rank = 0; rank < options.merges.size(); ++rank) {
    const Merge& merge = options.merges[rank];
    merges_[PairKey(merge.left, merge.right)] = {static_cast<int32_t>(rank), merge.merged};
  }
}

Bpe::~Bpe() = default;
Bpe::Bpe(Bpe&&) noexcept = default;
Bpe& Bpe::operator=(Bpe&&) noexcept = default;

void Bpe::Encode(std::string_view piece, std::vector<int32_t>* ids) const {
  if (!whole_pieces_.empty()) {
    const auto whole = whole_pieces_.find(absl::string_view(piece.data(), piece.size()));
    if (whole != whole_pieces_.end()) {
      ids->push_back(whole->second);
      return;
    }
  }
  const bool is_cacheable = piece.size() > 1 && piece.size() <= kMaxCachedBytes;
  if (is_cacheable && cache_->Find(piece, ids)) return;
  std::vector<int32_t> tokens = MergePiece(piece);
  ids->insert(ids->end(), tokens.begin(), tokens.end());
  if (is_cacheable) cache_->Insert(piece, std::move(tokens));
}

const Bpe::RankedMerge* Bpe::FindMerge(int32_t left, int32_t right) const {
  const auto merge = merges_.find(PairKey(left, right));
  return merge == merges_.end() ? nullptr : &merge->second;
}

std::vector<int32_t> Bpe::ByteTokens(std::string_view piece) const {
  std::vector<int32_t> ids;
  ids.reserve(piece.size());
  bool previous_is_unknown = false;
  for (const char byte : piece) {
    const int32_t id = id_of_byte_[static_cast<uint8_t>(byte)];
    if (id >= 0) {
      ids.push_back(id);
    } else if (unknown_id_ && !(fuse_unknown_ && previous_is_unknown)) {
      ids.push_back(*unknown_id_);
    }
    previous_is_unknown = id < 0;
  }
  return ids;
}

bool Bpe::AppendBytes(std::string_view character, std::vector<int32_t>* ids) const {
  const auto id_of = [this](char byte) { return id_of_byte_[static_cast<uint8_t>(byte)]; };
  for (const char byte : character) {
    if (id_of(byte) < 0) return false;
  }
  for (const char byte : character) ids->push_back(id_of(byte));
  return true;
}

std::vector<int32_t> Bpe::CharacterTokens(std::string_view piece) const {
  std::vector<int32_t> ids;
  ids.reserve(piece.size());
  bool has_unknown = false;  // An unknown token that is not yet in `ids`.
  const auto flush = [&] {
    if (has_unknown) ids.push_back(*unknown_id_);
    has_unknown = false;
  };
  for (size_t begin = 0, end = 0; begin < piece.size(); begin = end) {
    UChar32 code_point = 0;
    U8_NEXT(reinterpret_cast<const uint8_t*>(piece.data()), end, piece.size(), code_point);
    const auto known = id_of_character_->find(code_point);
    if (known != id_of_character_->end()) {
      flush();
      ids.push_back(known->second);
    } else if (!AppendBytes(piece.substr(begin, end - begin), &ids) && unknown_id_) {
      // As in the reference, an unknown token stays behind the byte tokens that follow it.
      if (!fuse_unknown_) flush();
      has_unknown = true;
    }
  }
  flush();
  return ids;
}

std::vector<int32_t> Bpe::MergePiece(std::string_view piece) const {
  std::vector<int32_t> ids = id_of_character_ ? CharacterTokens(piece) : ByteTokens(piece);
  if (ids.size() < 2) return ids;
  const auto num_symbols = static_cast<int32_t>(ids.size());
  std::vector<Symbol> symbols(ids.size());
  for (int32_t i = 0; i < num_symbols; ++i) {
    symbols[static_cast<size_t>(i)] = {
        ids[static_cast<size_t>(i)], i - 1, i + 1 < num_symbols ? i + 1 : -1};
  }
  const auto symbol = [&](int32_t i) -> Symbol& { return symbols[static_cast<size_t>(i)]; };

  std::priority_queue<Candidate> queue;
  const auto push = [&](int32_t position) {
    const Symbol& left = symbol(position);
    if (left.next < 0) return;
    if (const RankedMerge* merge = FindMerge(left.id, symbol(left.next).id)) {
      queue.push({merge->rank, position, merge->merged});
    }
  };
  for (int32_t i = 0; i < num_symbols; ++i) push(i);

  while (!queue.empty()) {
    const Candidate candidate = queue.top();
    queue.pop();
    Symbol& left = symbol(candidate.position);
    if (left.id < 0 || left.next < 0) continue;
    Symbol& right = symbol(left.next);
    // The pair may have changed since it was queued.
    const RankedMerge* merge = FindMerge(left.id, right.id);
    if (merge == nullptr || merge->merged != candidate.merged) continue;
    left.id = candidate.merged;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) symbol(left.next).previous = candidate.position;
    if (left.previous >= 0) push(left.previous);
    push(candidate.position);
  }

  size_t count = 0;
  for (int32_t i = 0; i >= 0; i = symbol(i).next) ids[count++] = symbol(i).id;
  ids.resize(count);
  return ids;
}

}  // namespace convrec::tokenizer
