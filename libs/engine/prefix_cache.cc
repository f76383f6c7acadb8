#include "libs/engine/prefix_cache.h"

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::engine {

PrefixCache::PrefixCache(BlockPool* pool, int block_tokens)
    : pool_(pool), block_tokens_(static_cast<size_t>(block_tokens)) {
  CR_CHECK(block_tokens > 0);
}

PrefixCache::~PrefixCache() { Clear(); }

std::vector<int32_t> PrefixCache::TokensOf(const std::vector<int32_t>& tokens, size_t index) const {
  const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(index * block_tokens_);
  return {first, first + static_cast<std::ptrdiff_t>(block_tokens_)};
}

std::vector<int32_t> PrefixCache::Lookup(const std::vector<int32_t>& tokens, int max_blocks) {
  std::vector<int32_t> blocks;
  const size_t most =
      std::min<size_t>(tokens.size() / block_tokens_, static_cast<size_t>(std::max(max_blocks, 0)));
  Node* node = &root_;
  ++clock_;
  while (blocks.size() < most) {
    const auto it = node->children.find(TokensOf(tokens, blocks.size()));
    if (it == node->children.end()) break;
    node = it->second.get();
    node->last_use = clock_;
    pool_->Retain(node->block);
    blocks.push_back(node->block);
  }
  return blocks;
}

void PrefixCache::Insert(const std::vector<int32_t>& tokens, const std::vector<int32_t>& blocks) {
  const size_t count = std::min(tokens.size() / block_tokens_, blocks.size());
  Node* node = &root_;
  ++clock_;
  for (size_t i = 0; i < count; ++i) {
    const auto [it, is_new] = node->children.try_emplace(TokensOf(tokens, i));
    if (is_new) {
      it->second = std::make_unique<Node>();
      it->second->block = blocks[i];
      it->second->parent = node;
      it->second->tokens = &it->first;
      pool_->Retain(blocks[i]);
      ++num_blocks_;
    } else if (it->second->block != blocks[i]) {
      // Another group has computed the same tokens meanwhile. The blocks that follow would depend
      // on a block that their holder does not hold, and Evict() relies on holders holding whole
      // prefixes.
      return;
    }
    node = it->second.get();
    node->last_use = clock_;
  }
}

void PrefixCache::FindOldest(Node* node, Node** oldest) const {
  for (const auto& [tokens, child] : node->children) FindOldest(child.get(), oldest);
  // Only leaves are evicted, because a block is useless without those before it.
  if (node == &root_ || !node->children.empty() || pool_->references(node->block) > 1) return;
  if (*oldest == nullptr || node->last_use < (*oldest)->last_use) *oldest = node;
}

bool PrefixCache::Evict() {
  Node* oldest = nullptr;
  FindOldest(&root_, &oldest);
  if (oldest == nullptr) return false;
  pool_->Release(oldest->block);
  --num_blocks_;
  Node* parent = oldest->parent;
  parent->children.erase(parent->children.find(*oldest->tokens));
  return true;
}

void PrefixCache::Release(Node* node) {
  for (const auto& [tokens, child] : node->children) {
    Release(child.get());
    pool_->Release(child->block);
  }
}

void PrefixCache::Clear() {
  Release(&root_);
  root_.children.clear();
  num_blocks_ = 0;
}

}  // namespace convrec::engine
