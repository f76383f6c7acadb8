#include "libs/catalog/list_parser.h"

#include <utility>

#include "libs/catalog/list_reader.h"

namespace convrec::catalog {

std::vector<domain::Item> RankedList::Items() const {
  std::vector<domain::Item> items;
  for (const RankedEntry& entry : entries) {
    if (entry.status == LineStatus::kOk) items.push_back(entry.item);
  }
  return items;
}

std::optional<domain::Item> ParseLine(std::string_view line) {
  ListReader reader;
  const ListLine read = reader.ReadLine(line);
  if (read.status == LineStatus::kMalformed) return std::nullopt;
  return domain::Item{std::string(read.title), read.year};
}

RankedList ParseList(std::string_view text, RankCounting counting) {
  ListReader reader;
  RankedList list;
  for (const ListLine& line : reader.Read(text, counting)) {
    list.entries.push_back({.rank = static_cast<int>(list.entries.size()),
                            .item = {std::string(line.title), line.year},
                            .source_line = line.source_line,
                            .status = line.status});
  }
  list.num_lines = reader.num_lines();
  return list;
}

}  // namespace convrec::catalog
