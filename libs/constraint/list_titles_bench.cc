// Building the title trie, and what one constrained list costs in addition to the model.
// Run: ninja list_titles_bench && bench/list_titles_bench
//
// Titles are three or four words of a made-up language, a quarter of them after "The"; the
// tokenizer is trained on such words.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "absl/container/flat_hash_set.h"
#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/constraint/list_constraint.h"
#include "libs/constraint/list_titles.h"
#include "libs/tokenizer/bpe_trainer.h"

namespace convrec::constraint {
namespace {

std::string Word(uint64_t number) {
  constexpr const char* kSyllables[] = {"ta", "ri", "mo", "len", "ka", "su", "ver", "o"};
  std::string word;
  for (uint64_t n = number + 1; n > 0; n /= 8) word += kSyllables[n % 8];
  word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

std::shared_ptr<const catalog::Catalog> Titles(size_t count) {
  base::RandomStream random(1, count);
  std::vector<catalog::CatalogItem> items;
  absl::flat_hash_set<domain::Item> known;
  while (items.size() < count) {
    std::string title = random.Below(4) == 0 ? "The" : Word(random.Below(20000));
    for (uint64_t n = 2 + random.Below(2); n > 0; --n) title += " " + Word(random.Below(20000));
    const domain::Item item{title, 1950 + static_cast<int>(random.Below(75))};
    if (known.insert(item).second) items.push_back({.item = item, .genres = {}});
  }
  auto catalog = catalog::Catalog::FromItems(std::move(items), "bench");
  if (!catalog.ok()) std::abort();
  return std::make_shared<const catalog::Catalog>(*std::move(catalog));
}

const tokenizer::Tokenizer& Words() {
  static const auto* const kTokenizer = [] {
    const base::TemporaryDirectory directory;
    std::string text;
    for (uint64_t i = 0; i < 20000; ++i) text += Word(i) + (i % 4 == 3 ? " (1999)\n" : " ");
    const std::vector<std::string> texts = {text};
    tokenizer::BpeTrainerOptions options;
    options.vocab_size = 8000;
    options.special_tokens = {"<end>"};
    options.eos_token = "<end>";
    const bool is_ok = tokenizer::TrainBpeInto(texts, options, directory.path()).ok();
    if (!is_ok) std::abort();
    return tokenizer::LoadTokenizer(directory.path())->release();
  }();
  return *kTokenizer;
}

std::shared_ptr<const constraint::TitleTrie> Build(
    const std::shared_ptr<const catalog::Catalog>& catalog) {
  auto titles = MakeListTitles(catalog, lists::ListStyle::kPlain, 20, Words());
  if (!titles.ok()) std::abort();
  return *std::move(titles);
}

void BM_Build(benchmark::State& state) {
  const auto catalog = Titles(static_cast<size_t>(state.range(0)));
  Words();
  for (auto _ : state) {
    const auto titles = Build(catalog);
    state.counters["bytes_per_title"] =
        static_cast<double>(titles->memory_bytes()) / static_cast<double>(catalog->size());
    state.counters["root_tokens"] = static_cast<double>(titles->inner().root_tokens().size());
  }
}
BENCHMARK(BM_Build)
    ->Arg(7404)
    ->Arg(1000000)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

// A whole list of 20 random titles; 10 titles were seen.
void BM_List(benchmark::State& state) {
  const auto catalog = Titles(static_cast<size_t>(state.range(0)));
  const auto titles = Build(catalog);
  std::vector<std::string> seen;
  for (size_t i = 0; i < 10; ++i) seen.emplace_back(catalog->title(i));
  const auto make = *constraint::MakeListConstraints(titles, seen);
  base::RandomStream random(2, 2);
  int64_t num_tokens = 0;
  for (auto _ : state) {
    const auto constraint = make();
    int32_t id = 0;
    do {
      const std::vector<int32_t>& legal = constraint->Legal();
      id = legal[random.Below(legal.size())];
      constraint->Advance(id);
      ++num_tokens;
    } while (id != *Words().eos_id());
  }
  state.SetItemsProcessed(num_tokens);
}
BENCHMARK(BM_List)->Arg(7404)->Arg(1000000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace convrec::constraint
