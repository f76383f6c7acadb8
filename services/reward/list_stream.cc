#include "services/reward/list_stream.h"

#include <utility>

#include "libs/base/check.h"
#include "libs/catalog/unicode_text.h"

namespace convrec::reward {

void ListStream::Add(std::string_view piece, std::vector<StreamedRank>* ranks) {
  CR_CHECK(!is_ended_);
  size_t searched = text_.size();
  text_ += piece;
  while (true) {
    const size_t end = text_.find('\n', searched);
    if (end == std::string::npos) return;
    EndLine(std::string_view(text_).substr(line_begin_, end - line_begin_), ranks);
    line_begin_ = searched = end + 1;
  }
}

void ListStream::End(std::vector<StreamedRank>* ranks) {
  CR_CHECK(!is_ended_);
  EndLine(std::string_view(text_).substr(line_begin_), ranks);
  is_ended_ = true;
}

void ListStream::EndLine(std::string_view line, std::vector<StreamedRank>* ranks) {
  if (catalog::IsBlank(line)) return;
  catalog::RankedEntry entry;
  entry.source_line = num_lines_++;
  entry.rank = num_ranks_;
  if (std::optional<domain::Item> item = catalog::ParseLine(line)) {
    entry.item = *std::move(item);
  } else {
    if (scorer_->options().counting == catalog::RankCounting::kReference) return;
    entry.status = catalog::LineStatus::kMalformed;
  }
  RankJudge::Verdict verdict = judge_.Judge(std::move(entry));
  StreamedRank streamed{.rank = num_ranks_++, .line = std::move(verdict.line), .reward = {}};
  const RewardRules& rules = scorer_->options().rules;
  if (streamed.rank < scorer_->options().num_ranks && !LooksAhead(rules)) {
    streamed.reward = static_cast<float>(RewardOfRank(rules, verdict.facts));
  }
  ranks->push_back(std::move(streamed));
}

}  // namespace convrec::reward
