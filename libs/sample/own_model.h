// A small model for a user's own catalog and conversations, to start from when there is no
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
  int vocab_size = 4096;  // Upper bound; at least 259 (every byte and three special tokens).
  int hidden_size = 128;  // A multiple of twice num_heads.
  int num_layers = 4;
  int num_heads = 4;
  int intermediate_size = 384;
  int max_position_embeddings = 2048;  // Tokens of prompt and answer combined.
  uint64_t seed = 1;                   // Seed of the weights.
  lists::ListStyle style = lists::ListStyle::kPlain;
  std::string line_format = {};  // See CatalogOptions.
};

struct OwnModelFacts {
  int64_t num_parameters = 0;
  size_t num_tokens = 0;
  size_t num_titles = 0;
  size_t num_rows = 0;  // Conversations.
};

// Chats use ChatML and end with "<|im_end|>". The tokenizer treats a title of a list or a text as
// one piece, so that frequent titles become single tokens. `rows` are the files of conversations to
// train the tokenizer on; it may be empty. Deterministic. InvalidArgument for sizes that do not fit
// together; other errors are those of Catalog::Load() and ReadDialogues().
absl::StatusOr<OwnModelFacts> WriteOwnModel(const OwnModelOptions& options,
                                            const std::string& catalog_path,
                                            const std::vector<std::string>& rows,
                                            const std::string& directory);

}  // namespace convrec::sample
