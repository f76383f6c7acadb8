// Reads a generated list: one item per line, "Title (Year)" unless the catalog's line format is
// another, best first.
//
// There are two ways to count ranks (method sections 3.1 and 3.2) but one way to read a line:
//   by_line    the k-th non-blank line is rank k, whether it parses or not;
//   reference  lines that do not parse are left out and later items move up one rank.
// Example: "Here are 2:\nA (1999)\n" has ranks {malformed, A} by line and {A} by reference.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/domain/item.h"
#include "libs/text/line_format.h"

namespace convrec::lists {

class OddTitles;

enum class RankCounting { kByLine, kReference };

enum class LineStatus { kOk, kMalformed };

struct RankedEntry {
  int rank = 0;  // From 0; equals the entry's index in its list.
  domain::Item
      item;  // Empty title and year 0 when malformed; a title that parses may be empty too.
  int source_line = 0;  // Non-blank lines of the text before this one.
  LineStatus status = LineStatus::kOk;
};

struct RankedList {
  std::vector<RankedEntry> entries;  // By rank, ranks past N included.
  int num_lines = 0;                 // Non-blank lines of the text.

  // The items that parsed, in order, which are the same for both ways to count.
  std::vector<domain::Item> Items() const;
};

// Accepts any bytes; invalid UTF-8 is read as U+FFFD. By the grammar alone, or with `odd_titles` as
// their catalog decides.
RankedList ParseList(std::string_view text,
                     RankCounting counting,
                     const OddTitles* odd_titles = nullptr);

// Title and year of one line without its line break, by the grammar alone; nullopt when malformed.
std::optional<domain::Item> ParseLine(std::string_view line);

// Why a malformed line is not "Title (Year)", as a clause such as "the year has not four digits".
// Empty for a line that parses.
std::string WhyMalformed(std::string_view line);
// The same where lines are read as the catalog with this format decides.
std::string WhyMalformed(std::string_view line, const text::LineFormat& format);

}  // namespace convrec::lists
