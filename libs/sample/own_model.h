// A small model made from a user's own catalog and conversations, to start from where there is no
// pretrained one: a byte-level BPE tokenizer trained on them and random weights, as a Hugging Face
// model directory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/lists/list_format.h"

namespace convrec::sample {

struct OwnModelOptions {
  int vocab_size = 4096;  // Tokens, at most; at least 259 (every byte and three special tokens).
  int hidden_size = 128;  // A multiple of twice num_heads.
  int num_layers = 4;
  int num_heads = 4;
  int intermediate_size = 384;
  int max_position_embeddings = 2048;  // Of prompt and answer together.
  uint64_t seed = 1;                   // Of the weights.
  lists::ListStyle style = lists::ListStyle::kPlain;
  std::string line_format = {};  // See CatalogOptions.
};

struct OwnModelFacts {
  int64_t num_parameters = 0;
  size_t num_tokens = 0;
  size_t num_titles = 0;
  size_t num_rows = 0;  // Conversations.
};

// Chats are ChatML, and end with "<|im_end|>". A title of a list or a text is one piece for the
// tokenizer, so that frequent ones become single tokens. `rows` are the files of conversations to
// train the tokenizer on; none is allowed. Deterministic. InvalidArgument for sizes that do not go
// together; else as Catalog::Load() and ReadDialogues().
absl::StatusOr<OwnModelFacts> WriteOwnModel(const OwnModelOptions& options,
                                            const std::string& catalog_path,
                                            const std::vector<std::string>& rows,
                                            const std::string& directory);

}  // namespace convrec::sample
