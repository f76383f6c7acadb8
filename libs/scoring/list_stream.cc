#include "libs/scoring/list_stream.h"

#include "libs/base/check.h"
#include "libs/lists/thoughts.h"
#include "libs/text/unicode_text.h"

namespace convrec::scoring {

ListStream::ListStream(const ListScorer* scorer, const lists::ListTarget* target)
    : scorer_(scorer),
      judge_(&scorer->catalog(), scorer->hit_options()),
      new_items_(&scorer->traits()) {
  judge_.Begin(target);
}

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

std::string_view ListStream::WithoutThoughts(std::string_view line) {
  if (thoughts_ == Thoughts::kOver) return line;
  if (const size_t end = line.find(lists::kThoughtsEnd); end != std::string_view::npos) {
    thoughts_ = Thoughts::kOver;
    return line.substr(end + lists::kThoughtsEnd.size());
  }
  if (thoughts_ == Thoughts::kUnknown && !text::IsBlank(line)) {
    thoughts_ = lists::OpensThoughts(line) ? Thoughts::kOpen : Thoughts::kNotOpened;
  }
  return thoughts_ == Thoughts::kOpen ? "" : line;
}

void ListStream::EndLine(std::string_view text, std::vector<StreamedRank>* ranks) {
  const ListScorer::Options& options = scorer_->options();
  if (options.counting == lists::RankCounting::kByLine) text = WithoutThoughts(text);
  if (text::IsBlank(text)) return;
  lists::ListLine line = reader_.ReadLine(text);
  line.source_line = num_lines_++;
  if (line.status == lists::LineStatus::kMalformed &&
      options.counting == lists::RankCounting::kReference) {
    return;
  }
  const lists::JudgedLine judged = judge_.Judge(line);
  const RankFacts facts = new_items_.FactsOf(judged);
  StreamedRank& streamed = ranks->emplace_back();
  streamed.rank = num_ranks_++;
  WriteLine(line, judged, &streamed.line);
  if (streamed.rank < options.num_ranks && !LooksAhead(options.rules)) {
    streamed.reward = static_cast<float>(RewardOfRank(options.rules, facts));
  }
}

}  // namespace convrec::scoring
