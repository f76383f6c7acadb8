// Any bytes as a list: both parsers agree, and pieces give what the whole text gives.
#include "libs/lists/list_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/check.h"
#include "libs/catalog/catalog.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/thoughts.h"
#include "libs/scoring/list_scorer.h"
#include "libs/scoring/list_stream.h"

namespace convrec {
namespace {

using lists::RankCounting;

struct World {
  catalog::Catalog catalog = *catalog::Catalog::FromItems({{{"Heat", 1995}, {}, 0},
                                                           {{"Amélie", 2001}, {}, 0},
                                                           {{"", 2000}, {}, 0},
                                                           {{"12 Monkeys", 1995}, {}, 0}},
                                                          "fuzz");
  scoring::Prompt prompt = {{{"heat", 1996}, {"AMÉLIE", 2001}, {"Heat", 1995}}, {"12 Monkeys"}};
};

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

void CompareStream(const World& world, std::string_view text, size_t piece, RankCounting counting) {
  // Where thoughts end that nothing has opened, a stream cannot take back what it gave.
  const size_t thoughts = lists::EndOfThoughts(text);
  if (counting == RankCounting::kByLine && thoughts > 0 &&
      lists::EndOfThoughts(text.substr(0, thoughts - 1)) == 0) {
    return;
  }
  const auto scorer = *scoring::ListScorer::Create(world.catalog, {.counting = counting});
  const domain::ListScore score = scorer->Score(text, world.prompt);
  const lists::ListTarget target = scorer->Prepare(world.prompt);
  scoring::ListStream stream(scorer.get(), &target);
  std::vector<scoring::StreamedRank> ranks;
  for (size_t at = 0; at < text.size(); at += piece) stream.Add(text.substr(at, piece), &ranks);
  stream.End(&ranks);
  CR_CHECK(ranks.size() == score.lines.size());
  for (size_t k = 0; k < ranks.size(); ++k) {
    CR_CHECK(ranks[k].line.item == score.lines[k].item);
    CR_CHECK(ranks[k].line.outcome == score.lines[k].outcome);
    CR_CHECK(ranks[k].line.ground_truth == score.lines[k].ground_truth);
    CR_CHECK(!ranks[k].reward || *ranks[k].reward == score.rank_rewards[k]);
  }
}

}  // namespace
}  // namespace convrec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const world = new convrec::World;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t piece = 1 + (size == 0 ? 0 : data[0] % 16);
  for (const auto counting :
       {convrec::lists::RankCounting::kByLine, convrec::lists::RankCounting::kReference}) {
    convrec::CompareParsers(text, counting);
    convrec::CompareStream(*world, text, piece, counting);
  }
  return 0;
}
