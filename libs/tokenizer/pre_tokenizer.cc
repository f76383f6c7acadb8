#include "libs/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/status_macros.h"

namespace convrec::tokenizer {
namespace {

struct Stretch {
  size_t begin;
  size_t end;
  bool is_match;
};

// The whole text as stretches inside and outside matches.
std::vector<Stretch> Stretches(const SplitRegex& regex, std::string_view text, bool invert) {
  std::vector<Stretch> stretches;
  size_t end = 0;
  for (const SplitRegex::Match& match : regex.FindAll(text)) {
    if (match.begin > end) stretches.push_back({end, match.begin, invert});
    stretches.push_back({match.begin, match.end, !invert});
    end = match.end;
  }
  if (end < text.size()) stretches.push_back({end, text.size(), invert});
  return stretches;
}

// Joins stretches into pieces. A match joins the piece before it unless that one ends in a match.
std::vector<Stretch> MergeWithPrevious(const std::vector<Stretch>& stretches) {
  std::vector<Stretch> pieces;
  bool previous_is_match = false;
  for (const Stretch& stretch : stretches) {
    if (stretch.is_match && !previous_is_match && !pieces.empty()) {
      pieces.back().end = stretch.end;
    } else {
      pieces.push_back(stretch);
    }
    previous_is_match = stretch.is_match;
  }
  return pieces;
}

std::vector<Stretch> MergeWithNext(const std::vector<Stretch>& stretches) {
  std::vector<Stretch> pieces;
  bool next_is_match = false;
  for (auto stretch = stretches.rbegin(); stretch != stretches.rend(); ++stretch) {
    if (stretch->is_match && !next_is_match && !pieces.empty()) {
      pieces.back().begin = stretch->begin;
    } else {
      pieces.push_back(*stretch);
    }
    next_is_match = stretch->is_match;
  }
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<Stretch> MergeContiguous(const std::vector<Stretch>& stretches) {
  std::vector<Stretch> pieces;
  bool previous_is_match = false;
  for (const Stretch& stretch : stretches) {
    if (stretch.is_match == previous_is_match && !pieces.empty()) {
      pieces.back().end = stretch.end;
    } else {
      pieces.push_back(stretch);
    }
    previous_is_match = stretch.is_match;
  }
  return pieces;
}

std::vector<Stretch> Pieces(std::vector<Stretch> stretches, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return stretches;
    case SplitBehavior::kRemoved:
      stretches.erase(std::remove_if(stretches.begin(),
                                     stretches.end(),
                                     [](const Stretch& stretch) { return stretch.is_match; }),
                      stretches.end());
      return stretches;
    case SplitBehavior::kMergedWithPrevious:
      return MergeWithPrevious(stretches);
    case SplitBehavior::kMergedWithNext:
      return MergeWithNext(stretches);
    case SplitBehavior::kContiguous:
      return MergeContiguous(stretches);
  }
  return stretches;
}

// A piece, and whether it is at the beginning of the text.
struct Piece {
  std::string_view text;
  bool is_first;
};

bool NeedsPrefix(const Piece& piece,
                 const std::string& space,
                 PrefixSpace prefix_space,
                 TextPlace place) {
  if (prefix_space == PrefixSpace::kNone || piece.text.starts_with(space)) return false;
  const bool begins_text = piece.is_first && place == TextPlace::kBegin;
  const bool continues_text = piece.is_first && place == TextPlace::kContinuation;
  return prefix_space == PrefixSpace::kEach ? !continues_text : begins_text;
}

}  // namespace

absl::StatusOr<PreTokenizer> PreTokenizer::Create(const std::vector<PreTokenizerStep>& steps) {
  PreTokenizer result;
  for (const PreTokenizerStep& step : steps) {
    Step compiled{step.space, step.prefix_space, {}, step.behavior, step.invert};
    if (!step.regex.empty()) {
      CR_ASSIGN_OR_RETURN(SplitRegex regex, SplitRegex::Create(step.regex));
      compiled.regex.push_back(std::move(regex));
    }
    result.steps_.push_back(std::move(compiled));
  }
  return result;
}

std::vector<std::string_view> PreTokenizer::Split(std::string_view text,
                                                  TextPlace place,
                                                  std::deque<std::string>* storage) const {
  std::vector<Piece> pieces;
  if (!text.empty()) pieces.push_back({text, true});
  for (const Step& step : steps_) {
    std::vector<Piece> finer;
    for (Piece piece : pieces) {
      if (step.space != " " && piece.text.find(' ') != std::string_view::npos) {
        piece.text = storage->emplace_back(
            absl::StrReplaceAll(std::string(piece.text), {{" ", step.space}}));
      }
      if (NeedsPrefix(piece, step.space, step.prefix_space, place)) {
        piece.text = storage->emplace_back(absl::StrCat(step.space, std::string(piece.text)));
      }
      if (step.regex.empty()) {
        finer.push_back(piece);
        continue;
      }
      for (const Stretch& cut :
           Pieces(Stretches(step.regex.front(), piece.text, step.invert), step.behavior)) {
        if (cut.end == cut.begin) continue;
        finer.push_back(
            {piece.text.substr(cut.begin, cut.end - cut.begin), piece.is_first && cut.begin == 0});
      }
    }
    pieces = std::move(finer);
  }
  std::vector<std::string_view> texts;
  texts.reserve(pieces.size());
  for (const Piece& piece : pieces) texts.push_back(piece.text);
  return texts;
}

}  // namespace convrec::tokenizer
