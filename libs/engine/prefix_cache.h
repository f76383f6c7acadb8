// Whole blocks of prompts, kept for later prompts with the same prefix.
//
// Keys and values of a block depend on the weights and on every token up to the block's end, so the
// cache is a tree of token blocks that belongs to one policy at a time. It holds one reference to
// each of its blocks and evicts the least recently used ones that nothing else holds. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "libs/engine/block_pool.h"

namespace convrec::engine {

class PrefixCache final {
 public:
  PrefixCache(BlockPool* pool, int block_tokens);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // The longest cached prefix of `tokens` in whole blocks, at most `max_blocks`; the caller
  // receives a reference to each block.
  std::vector<int32_t> Lookup(const std::vector<int32_t>& tokens, int max_blocks);
  // Caches the first blocks of `tokens`, computed by the policy the cache belongs to. Stops at
  // tokens that are already cached in another block.
  void Insert(const std::vector<int32_t>& tokens, const std::vector<int32_t>& blocks);
  // Frees one block that nothing else holds; false when there is none.
  bool Evict();
  // Evicts everything: the cache belongs to another policy from now on.
  void Clear();

  int num_blocks() const { return num_blocks_; }

 private:
  struct Node;
  using Children = std::map<std::vector<int32_t>, std::unique_ptr<Node>>;
  struct Node {
    int32_t block = -1;
    uint64_t last_use = 0;
    Node* parent = nullptr;
    const std::vector<int32_t>* tokens = nullptr;  // The key in the parent.
    Children children;
  };

  std::vector<int32_t> TokensOf(const std::vector<int32_t>& tokens, size_t index) const;
  void Release(Node* node);
  void FindOldest(Node* node, Node** oldest) const;

  BlockPool* const pool_;
  const size_t block_tokens_;
  Node root_;
  uint64_t clock_ = 0;
  int num_blocks_ = 0;
};

}  // namespace convrec::engine
