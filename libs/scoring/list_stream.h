// One list that arrives in pieces: each rank is scored as soon as its line is complete.
//
// What the ranks get does not depend on where the pieces end, and equals what ListScorer::Score()
// says about the whole text; but where thoughts end that no "<think>" has opened, the ranks given
// until then cannot be taken back. Not thread-safe. Scorer and target must outlive it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/scoring/list_scorer.h"

namespace convrec::scoring {

struct StreamedRank {
  int rank = 0;  // From 0; ranks past N included.
  domain::ScoredLine line;
  std::optional<float> reward;  // When no later line can change it and rank < N.
};

class ListStream final {
 public:
  ListStream(const ListScorer* scorer, const lists::ListTarget* target);

  // Adds the ranks that `piece` completes to `ranks`. Nothing may follow the last piece.
  void Add(std::string_view piece, std::vector<StreamedRank>* ranks);
  // The text ends: so does its last line.
  void End(std::vector<StreamedRank>* ranks);

  bool is_ended() const { return is_ended_; }
  const std::string& text() const { return text_; }

 private:
  void EndLine(std::string_view line, std::vector<StreamedRank>* ranks);
  // What of a line is not thought (libs/lists/thoughts.h).
  std::string_view WithoutThoughts(std::string_view line);

  enum class Thoughts { kUnknown, kOpen, kNotOpened, kOver };

  const ListScorer* const scorer_;
  lists::ListReader reader_;
  lists::ListJudge judge_;
  NewItems new_items_;
  std::string text_;
  size_t line_begin_ = 0;  // Of the open line, in text_.
  int num_lines_ = 0;      // Lines that are not blank.
  int num_ranks_ = 0;
  bool is_ended_ = false;
  Thoughts thoughts_ = Thoughts::kUnknown;
};

}  // namespace convrec::scoring
