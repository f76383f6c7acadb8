// Any bytes as a list: both parsers agree.
#include "libs/lists/list_parser.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "libs/base/check.h"
#include "libs/lists/list_reader.h"

namespace convrec {
namespace {

using lists::RankCounting;

void CompareParsers(std::string_view text, RankCounting counting) {
  const lists::RankedList list = lists::ParseList(text, counting);
  lists::ListReader reader;
  const auto lines = reader.Read(text, counting);
  CR_CHECK(lines.size() == list.entries.size() && reader.num_lines() == list.num_lines);
  for (size_t k = 0; k < lines.size(); ++k) {
    const lists::RankedEntry& entry = list.entries[k];
    CR_CHECK(lines[k].title == entry.item.title && lines[k].year == entry.item.year);
    CR_CHECK(lines[k].status == entry.status && lines[k].source_line == entry.source_line);
  }
}

}  // namespace
}  // namespace convrec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto counting :
       {convrec::lists::RankCounting::kByLine, convrec::lists::RankCounting::kReference}) {
    convrec::CompareParsers(text, counting);
  }
  return 0;
}
