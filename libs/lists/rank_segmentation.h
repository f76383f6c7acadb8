// Assigns each sampled token its rank in the list, from the bytes of the tokens. Text is never
// tokenised again.
//
// By line (method section 3.2): a token belongs to the line that holds its first byte. The k-th
// non-blank line is rank k; blank lines join the rank before them (leading ones the first). The end
// token is domain::kEndUnit. Thoughts before the list (thoughts.h) count as blank lines.
// Reference (section 6): the rank of a token is the number of line breaks in the tokens before it;
// the end token is treated the same way.
// In both, ranks past N keep their own numbers N, N + 1, ...; nothing here depends on N.
//
// Example: "A (1999)\n", "\n", "B (2000)", END has ranks {0, 0, 1, kEndUnit} by line and
// {0, 1, 2, 2} by reference.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/domain/rollout.h"
#include "libs/lists/list_parser.h"

namespace convrec::lists {

// Tokens [begin, end).
struct TokenSpan {
  int32_t begin = 0;
  int32_t end = 0;
  int32_t size() const { return end - begin; }
  friend bool operator==(TokenSpan, TokenSpan) = default;
};

struct RankSegmentation {
  // One value per token up to and including the first end token; later tokens have none.
  std::vector<int32_t> rank_of_token;
  // One per rank, contiguous, in order and disjoint; together with the end unit they cover all
  // tokens. A rank whose line starts inside a token of the previous line owns no token.
  std::vector<TokenSpan> spans;
  // By line: non-blank lines. Reference: 1 + the largest rank, the end token's included.
  int num_ranks = 0;
  bool has_end = false;  // The last token is an end token.
};

// Takes tokens one at a time. The rank of a token may be open until its line is known to be blank
// or not; Finish() settles it. Not thread-safe.
class RankSegmenter final {
 public:
  explicit RankSegmenter(RankCounting counting) : counting_(counting) {}

  // `token_bytes` is empty for a special token that writes nothing: it joins the line being
  // written. Dies after AddEnd().
  void Add(std::string_view token_bytes);
  // The end token; nothing may follow.
  void AddEnd();

  RankSegmentation Finish() const;

 private:
  // Assigns the open tokens their rank, now that all bytes of their line are known.
  void CloseLine();
  // Removes thoughts from the open line (thoughts.h).
  void DropThoughts();

  enum class Thoughts { kUnknown, kOpen, kNotOpened, kOver };

  const RankCounting counting_;
  int num_ranks_ = 0;  // By line: closed lines that are not blank. Reference: line breaks.
  bool has_end_ = false;
  std::vector<int32_t> rank_of_token_;  // For all tokens except the open ones.
  int num_open_tokens_ = 0;             // By line: tokens whose first byte is in the open line.
  std::string open_line_;               // By line: bytes of the line being written.
  Thoughts thoughts_ = Thoughts::kUnknown;
};

// `is_end` and `bytes_of` map a token id to whether it ends the list and to its bytes; tokens after
// the first end token are ignored.
RankSegmentation SegmentRanks(RankCounting counting,
                              std::span<const int32_t> token_ids,
                              const std::function<bool(int32_t)>& is_end,
                              const std::function<std::string_view(int32_t)>& bytes_of);

}  // namespace convrec::lists
