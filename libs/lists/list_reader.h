// list_parser.h without copying the titles, where the catalog decides how its titles are read; for
// code that reads many lists.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/lists/list_parser.h"

namespace convrec::lists {

class OddTitles;
class WholeLines;

// One rank of a list, or one line of a text. The title is a view of the text, of the reader or of
// the catalog.
struct ListLine {
  std::string_view title;  // Empty when malformed; a title that parses may be empty too.
  int year = 0;
  int source_line = 0;  // Non-blank lines of the text before this one.
  LineStatus status = LineStatus::kMalformed;
  size_t begin = 0;  // Bytes of the line in the text, without its line break.
  size_t end = 0;
};

// Keeps its memory from list to list. Not thread-safe.
class ListReader final {
 public:
  // Reads as the catalog decides if `odd_titles` is given, which must outlive the reader; nullptr =
  // by the grammar alone, as RankCounting::kReference requires.
  explicit ListReader(const OddTitles* odd_titles = nullptr);

  // One entry per rank. Views are valid until the next call, as long as `text` lives. Accepts any
  // bytes; invalid UTF-8 is read as U+FFFD.
  std::span<const ListLine> Read(std::string_view text, RankCounting counting);
  // Non-blank lines of the last text read.
  int num_lines() const { return num_lines_; }

  // Reads a single line without its line break; a blank one is malformed. Views are valid until the
  // next call.
  ListLine ReadLine(std::string_view line);

 private:
  // Whether a line is plain: ASCII with folded whitespace.
  enum class Shape { kPlain, kUnknown };

  // Puts the odd title in the place of what the grammar has read, if `line` names one.
  void ReadOddTitle(std::string_view line, ListLine* result) const;
  bool ReadInto(std::string_view line, Shape shape, ListLine* result);
  bool ReadBytes(std::string_view folded, std::string_view whole, ListLine* result);
  bool ReadCodePoints(std::string_view line, ListLine* result);
  // By the names of the catalog: see whole_lines.h.
  bool ReadWhole(std::string_view line, ListLine* result);
  // A copy that lives until the next call.
  std::string_view Keep(std::string_view text);

  const OddTitles* odd_titles_ = nullptr;    // nullptr when there are none.
  const WholeLines* whole_lines_ = nullptr;  // Reads all lines, where set.
  std::vector<ListLine> lines_;
  int num_lines_ = 0;
  std::deque<std::string> kept_;  // The first num_kept_ are in use.
  size_t num_kept_ = 0;
  std::string folded_;
  std::string cleaned_;
};

// Whether reading a line by bytes gives the same result as by code points: it is valid UTF-8, and
// outside ASCII it has no whitespace, no digit and no separator used in numbering.
bool IsReadByBytes(std::string_view line);

}  // namespace convrec::lists
