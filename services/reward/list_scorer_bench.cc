// Cost of scoring a list of 20 lines. Run: build/bench/list_scorer_bench
#include <benchmark/benchmark.h>

#include "absl/strings/str_cat.h"
#include "libs/catalog/list_format.h"
#include "services/reward/list_scorer.h"

namespace convrec::reward {
namespace {

catalog::Catalog NumberedFilms(int size) {
  std::vector<catalog::CatalogItem> items;
  for (int i = 0; i < size; ++i) {
    items.push_back({{absl::StrCat("The Long Story of Film ", i), 1950 + i % 70}, {}, 0});
  }
  return *catalog::Catalog::FromItems(std::move(items), "bench");
}

void BM_ScoreList(benchmark::State& state) {
  const catalog::Catalog catalog = NumberedFilms(7000);
  const auto scorer = *ListScorer::Create(catalog, {});
  std::vector<domain::Item> items;
  for (size_t i = 0; i < 20; ++i) items.push_back(catalog.items()[i * 300].item);
  const std::string text = catalog::FormatList(items, catalog::ListStyle::kNumbered);
  const Prompt prompt = {{items[2], items[11], {"Unknown", 1999}}, {"Heat", "Alien"}};
  for (auto _ : state) benchmark::DoNotOptimize(scorer->Score(text, prompt));
}
BENCHMARK(BM_ScoreList)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace convrec::reward
