#include "libs/constraint/title_trie.h"

#include <algorithm>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/base/usable_cores.h"
#include "libs/lists/odd_titles.h"

namespace convrec::constraint {
namespace {

constexpr size_t kTitlesPerThread = 4096;  // Fewer titles are not worth a thread.

domain::Item ItemOf(const catalog::Catalog& catalog, size_t index) {
  return {std::string(catalog.title(index)), catalog.year(index)};
}

// One line of a list under construction: where its number and its title end in the text.
struct LineEnds {
  size_t number = 0;
  size_t title = 0;  // After the line break, if one follows.
};

// The tokens of one line.
struct LineTokens {
  std::span<const int32_t> number;
  std::span<const int32_t> title;
};

// Tokenizes lines at their positions in a list, and checks what constrained decoding relies on.
class LineReader final {
 public:
  LineReader(const LineTokenizer& tokenizer, lists::ListStyle style)
      : tokenizer_(tokenizer), style_(style) {}

  // The list that holds `item` at each of `ranks`, the last of which ends the list.
  absl::Status Read(const domain::Item& item, const std::vector<int>& ranks) {
    text_.clear();
    ends_.clear();
    for (const int rank : ranks) {
      if (style_ == lists::ListStyle::kNumbered) absl::StrAppend(&text_, rank + 1, ".");
      const size_t number_end = text_.size();
      absl::StrAppend(
          &text_, style_ == lists::ListStyle::kNumbered ? " " : "", lists::FormatItem(item));
      if (ends_.size() + 1 < ranks.size()) text_ += '\n';
      ends_.push_back({number_end, text_.size()});
    }
    ids_ = tokenizer_.encode(text_);
    return Cut(lists::FormatItem(item));
  }

  const std::vector<LineTokens>& lines() const { return lines_; }

 private:
  // Finds the tokens of each part by the bytes they write.
  absl::Status Cut(const std::string& line) {
    lines_.clear();
    size_t position = 0, next = 0;
    const auto take = [&](size_t end) -> std::optional<std::span<const int32_t>> {
      const size_t first = next;
      while (position < end && next < ids_.size()) {
        const std::string_view bytes = tokenizer_.token_bytes(ids_[next]);
        if (std::string_view(text_).substr(position, bytes.size()) != bytes) return std::nullopt;
        position += bytes.size();
        ++next;
      }
      if (position < end) return std::nullopt;
      return std::span<const int32_t>(ids_).subspan(first, next - first);
    };
    for (const LineEnds& ends : ends_) {
      const auto number = take(ends.number);
      if (number && position != ends.number) return Joined(line, "its number and the title");
      const auto title = number ? take(ends.title) : std::nullopt;
      if (!title) return Unreadable(line);
      if (position != ends.title) return Joined(line, "its line break and the next line");
      lines_.push_back({*number, *title});
    }
    const bool holds_end =
        std::find(ids_.begin(), ids_.end(), tokenizer_.end_token_id) != ids_.end();
    return next < ids_.size() || holds_end ? Unreadable(line) : absl::OkStatus();
  }

  absl::Status Unreadable(const std::string& line) const {
    std::string read;
    for (const int32_t id : ids_) read += tokenizer_.token_bytes(id);
    return absl::InvalidArgumentError(
        absl::StrCat("\"",
                     line,
                     "\" cannot be tokenised: as a list the tokens read \"",
                     read.substr(0, read.find('\n')),
                     "\""));
  }
  static absl::Status Joined(const std::string& line, const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", line, "\" cannot be tokenised by itself: one token holds ", what, " of a list"));
  }

  const LineTokenizer& tokenizer_;
  const lists::ListStyle style_;
  std::string text_;
  std::vector<LineEnds> ends_;
  std::vector<int32_t> ids_;
  std::vector<LineTokens> lines_;
};

// What one share of the catalog adds to both tries.
struct Share {
  TokenSequences inner, last;
  absl::Status status;
};

// The ranks at which a title is tokenized: first line, a middle line, last line.
std::vector<int> PlacesOf(size_t title, int num_ranks) {
  std::vector<int> ranks;
  if (num_ranks > 1) ranks.push_back(0);
  if (num_ranks > 2)
    ranks.push_back(1 + static_cast<int>(title % static_cast<size_t>(num_ranks - 2)));
  ranks.push_back(num_ranks - 1);
  return ranks;
}

bool IsEqual(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

absl::Status AddTitle(const domain::Item& item,
                      const std::vector<int>& ranks,
                      const std::vector<std::vector<int32_t>>& number_tokens,
                      int32_t end_token_id,
                      LineReader* reader,
                      Share* share) {
  CR_RETURN_IF_ERROR(reader->Read(item, ranks));
  const std::vector<LineTokens>& lines = reader->lines();
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool is_inner = i + 1 < lines.size();
    const bool has_same_tokens = !is_inner || IsEqual(lines[i].title, lines.front().title);
    if (!has_same_tokens ||
        !IsEqual(lines[i].number, number_tokens[static_cast<size_t>(ranks[i])])) {
      return absl::InvalidArgumentError(absl::StrCat("\"",
                                                     lists::FormatItem(item),
                                                     "\" has other tokens at rank ",
                                                     ranks[i] + 1,
                                                     " of a list than elsewhere"));
    }
  }
  if (lines.size() > 1) {
    share->inner.Add(lines.front().title);
  } else {
    share->inner.Add({});
  }
  std::vector<int32_t> last(lines.back().title.begin(), lines.back().title.end());
  last.push_back(end_token_id);
  share->last.Add(last);
  return absl::OkStatus();
}

void AddTitles(const catalog::Catalog& catalog,
               lists::ListStyle style,
               size_t begin,
               size_t end,
               const std::vector<size_t>& left_out,
               const std::vector<std::vector<int32_t>>& number_tokens,
               const LineTokenizer& tokenizer,
               Share* share) {
  const auto num_ranks = static_cast<int>(number_tokens.size());
  LineReader reader(tokenizer, style);
  for (size_t i = begin; i < end && share->status.ok(); ++i) {
    if (std::binary_search(left_out.begin(), left_out.end(), i)) {
      share->inner.Add({});
      share->last.Add({});
      continue;
    }
    share->status = AddTitle(ItemOf(catalog, i),
                             PlacesOf(i, num_ranks),
                             number_tokens,
                             tokenizer.end_token_id,
                             &reader,
                             share);
  }
}

// The tokens of "1.", "2.", ..., as they occur before a title.
absl::StatusOr<std::vector<std::vector<int32_t>>> NumberTokens(const domain::Item& item,
                                                               lists::ListStyle style,
                                                               int num_ranks,
                                                               const LineTokenizer& tokenizer) {
  std::vector<int> ranks;
  for (int rank = 0; rank < num_ranks; ++rank) ranks.push_back(rank);
  LineReader reader(tokenizer, style);
  CR_RETURN_IF_ERROR(reader.Read(item, ranks));
  std::vector<std::vector<int32_t>> numbers;
  for (const LineTokens& line : reader.lines()) {
    numbers.emplace_back(line.number.begin(), line.number.end());
  }
  return numbers;
}

void Append(const TokenSequences& from, TokenSequences* to) {
  for (size_t i = 0; i < from.size(); ++i) to->Add(from[i]);
}

size_t Longest(const TokenSequences& sequences) {
  size_t longest = 0;
  for (size_t i = 0; i < sequences.size(); ++i) longest = std::max(longest, sequences[i].size());
  return longest;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TitleTrie>> TitleTrie::Build(
    std::shared_ptr<const catalog::Catalog> catalog,
    lists::ListStyle style,
    int num_ranks,
    const LineTokenizer& tokenizer,
    lists::RankCounting counting) {
  CR_CHECK(num_ranks > 0);
  const std::vector<size_t> left_out =
      lists::OddTitles(*catalog).NotReadBack(counting, style, num_ranks);
  size_t first = 0;  // Not left out; they ascend.
  while (first < left_out.size() && left_out[first] == first) ++first;
  if (first == catalog->size()) {
    return absl::InvalidArgumentError("no title of the catalog is read back as it is written");
  }
  CR_ASSIGN_OR_RETURN(std::vector<std::vector<int32_t>> numbers,
                      NumberTokens(ItemOf(*catalog, first), style, num_ranks, tokenizer));

  const auto num_cores = static_cast<size_t>(base::UsableCores());
  const size_t num_threads = std::clamp<size_t>(catalog->size() / kTitlesPerThread, 1, num_cores);
  std::vector<Share> shares(num_threads);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < num_threads; ++i) {
    const auto bound = [&](size_t share) { return share * catalog->size() / num_threads; };
    threads.emplace_back([&, i, begin = bound(i), end = bound(i + 1)] {
      AddTitles(*catalog, style, begin, end, left_out, numbers, tokenizer, &shares[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  TokenSequences inner, last;
  for (Share& share : shares) {
    CR_RETURN_IF_ERROR(share.status);
    Append(std::exchange(share.inner, {}), &inner);
    Append(std::exchange(share.last, {}), &last);
  }
  std::shared_ptr<const TitleTrie> titles(
      new TitleTrie(std::move(catalog), counting, std::move(numbers), inner, last));
  if (titles->num_titles() < static_cast<size_t>(num_ranks)) {
    return absl::InvalidArgumentError(absl::StrCat("the catalog has ",
                                                   titles->num_titles(),
                                                   " titles that can be written, fewer than the ",
                                                   num_ranks,
                                                   " ranks of a list"));
  }
  return titles;
}

TitleTrie::TitleTrie(std::shared_ptr<const catalog::Catalog> catalog,
                     lists::RankCounting counting,
                     std::vector<std::vector<int32_t>> number_tokens,
                     const TokenSequences& inner,
                     const TokenSequences& last)
    : catalog_(std::move(catalog)),
      counting_(counting),
      number_tokens_(std::move(number_tokens)),
      inner_(inner),
      last_(last) {
  for (size_t i = 0; i < last.size(); ++i) num_titles_ += last[i].empty() ? 0 : 1;
  for (const std::vector<int32_t>& number : number_tokens_) max_list_tokens_ += number.size();
  max_list_tokens_ += (number_tokens_.size() - 1) * Longest(inner) + Longest(last);
  const auto count = [this](const std::vector<int32_t>& ids) {
    for (const int32_t id : ids) max_token_id_ = std::max(max_token_id_, id);
  };
  for (const std::vector<int32_t>& number : number_tokens_) count(number);
  count(inner.tokens);
  count(last.tokens);
}

}  // namespace convrec::constraint
