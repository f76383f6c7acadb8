#include "libs/lists/rank_segmentation.h"

#include <algorithm>

#include "libs/base/check.h"
#include "libs/lists/thoughts.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {
namespace {

std::vector<TokenSpan> SpansOf(const std::vector<int32_t>& rank_of_token, int num_ranks) {
  std::vector<TokenSpan> spans(static_cast<size_t>(num_ranks));
  int32_t token = 0;
  for (int32_t rank = 0; rank < num_ranks; ++rank) {
    TokenSpan& span = spans[static_cast<size_t>(rank)];
    span.begin = token;
    while (token < static_cast<int32_t>(rank_of_token.size()) &&
           rank_of_token[static_cast<size_t>(token)] == rank) {
      ++token;
    }
    span.end = token;
  }
  return spans;
}

}  // namespace

void RankSegmenter::Add(std::string_view token_bytes) {
  CR_CHECK(!has_end_, "a token follows the end token");
  if (counting_ == RankCounting::kReference) {
    rank_of_token_.push_back(num_ranks_);
    num_ranks_ += static_cast<int>(std::count(token_bytes.begin(), token_bytes.end(), '\n'));
    return;
  }
  ++num_open_tokens_;
  while (true) {
    const size_t line_break = token_bytes.find('\n');
    open_line_ += token_bytes.substr(0, line_break);
    if (line_break == std::string_view::npos) return;
    CloseLine();
    token_bytes.remove_prefix(line_break + 1);
  }
}

void RankSegmenter::AddEnd() {
  CR_CHECK(!has_end_, "a second end token");
  if (counting_ == RankCounting::kReference) {
    rank_of_token_.push_back(num_ranks_);
  }
  has_end_ = true;
}

void RankSegmenter::DropThoughts() {
  if (thoughts_ == Thoughts::kOver) return;
  if (const size_t end = open_line_.find(kThoughtsEnd); end != std::string::npos) {
    // No rank so far was one: its tokens join the first.
    open_line_.erase(0, end + kThoughtsEnd.size());
    thoughts_ = Thoughts::kOver;
    num_ranks_ = 0;
    std::fill(rank_of_token_.begin(), rank_of_token_.end(), 0);
    return;
  }
  if (thoughts_ == Thoughts::kUnknown && !text::IsBlank(open_line_)) {
    thoughts_ = OpensThoughts(open_line_) ? Thoughts::kOpen : Thoughts::kNotOpened;
  }
  if (thoughts_ == Thoughts::kOpen) open_line_.clear();
}

void RankSegmenter::CloseLine() {
  DropThoughts();
  const bool is_blank = text::Trim(text::DecodeUtf8(open_line_)).empty();
  if (!is_blank) ++num_ranks_;
  const int32_t rank = std::max(num_ranks_ - 1, 0);
  rank_of_token_.insert(rank_of_token_.end(), static_cast<size_t>(num_open_tokens_), rank);
  num_open_tokens_ = 0;
  open_line_.clear();
}

RankSegmentation RankSegmenter::Finish() const {
  RankSegmentation result;
  result.has_end = has_end_;
  size_t num_ranked;  // Tokens that belong to a rank.
  if (counting_ == RankCounting::kByLine) {
    RankSegmenter closed = *this;
    closed.CloseLine();
    result.rank_of_token = std::move(closed.rank_of_token_);
    result.num_ranks = closed.num_ranks_;
    num_ranked = result.rank_of_token.size();
    if (has_end_) result.rank_of_token.push_back(domain::kEndUnit);
  } else {
    result.rank_of_token = rank_of_token_;
    result.num_ranks = rank_of_token_.empty() ? 0 : rank_of_token_.back() + 1;
    num_ranked = result.rank_of_token.size();
  }
  // Tokens of a text without any non-blank line join rank 0, which is then no rank of the list.
  const int num_spans = std::max(result.num_ranks, num_ranked > 0 ? 1 : 0);
  result.spans = SpansOf(result.rank_of_token, num_spans);
  CR_CHECK(num_spans == 0 || result.spans.back().end == static_cast<int32_t>(num_ranked),
           "ranks do not cover the tokens");
  return result;
}

RankSegmentation SegmentRanks(RankCounting counting,
                              std::span<const int32_t> token_ids,
                              const std::function<bool(int32_t)>& is_end,
                              const std::function<std::string_view(int32_t)>& bytes_of) {
  RankSegmenter segmenter(counting);
  for (const int32_t id : token_ids) {
    if (is_end(id)) {
      segmenter.AddEnd();
      break;
    }
    segmenter.Add(bytes_of(id));
  }
  return segmenter.Finish();
}

}  // namespace convrec::lists
