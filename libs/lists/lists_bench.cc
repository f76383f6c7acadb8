// Cost of reading, matching and evaluating lists of 20 lines (about 1 KB) on one core, and of a
// catalog in memory and on disk. Run: build/bench/lists_bench [--benchmark_filter=REGEX]
//
// kind 0: the 7,404 films of ../shared/data, skipped if that is missing; 1: 1,000,000 generated
// titles; 2: the same from a mapped index. There are eight lists per prompt. Their lines are
// numbered and have a remark after the year; one has no year and one is not in the catalog.
#include <benchmark/benchmark.h>

#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/catalog/catalog.h"
#include "libs/catalog/title_search.h"
#include "libs/lists/list_judge.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/odd_titles.h"
#include "libs/lists/ranking_metrics.h"
#include "tests/support/paths.h"

namespace convrec::lists {
namespace {

constexpr size_t kNumLists = 4096;
constexpr size_t kSiblings = 8;  // Lists of one prompt, with the same target.
constexpr size_t kLargeSize = 1'000'000;

// A title of two to six words, distinct by a number in some of them.
std::string GeneratedTitle(base::RandomStream* random, size_t index) {
  static constexpr std::array<const char*, 16> kWords = {"The",
                                                         "Night",
                                                         "of",
                                                         "River",
                                                         "Stone",
                                                         "Last",
                                                         "Summer",
                                                         "House",
                                                         "Blue",
                                                         "Man",
                                                         "Storm",
                                                         "Love",
                                                         "City",
                                                         "Dance",
                                                         "Winter",
                                                         "Road"};
  std::string title = kWords[random->Below(kWords.size())];
  const uint64_t num_words = 1 + random->Below(5);
  for (uint64_t i = 0; i < num_words; ++i)
    absl::StrAppend(&title, " ", kWords[random->Below(kWords.size())]);
  if (random->Below(25) == 0) title += "é";
  return absl::StrCat(title, " ", absl::Hex(index * 2654435761u % 16777216u));
}

std::string LargeText() {
  base::RandomStream random(1, 0);
  std::string text;
  for (size_t i = 0; i < kLargeSize; ++i) {
    absl::StrAppend(&text,
                    "{\"title\": \"",
                    GeneratedTitle(&random, i),
                    "\", \"year\": ",
                    1920 + random.Below(105),
                    "}\n");
  }
  return text;
}

struct Setting {
  catalog::Catalog catalog;
  std::unique_ptr<const OddTitles> odd_titles;
  std::vector<std::string> lists;
  std::vector<ListTarget> targets;  // One per prompt.
};

std::string ListOf(const catalog::Catalog& catalog, base::RandomStream* random) {
  static constexpr std::array<const char*, 3> kRemarks = {
      "", " - a slow, beautiful film", " - you will laugh and cry"};
  std::string list;
  for (int k = 1; k <= 20; ++k) {
    const size_t item = random->Below(catalog.size());
    const bool is_malformed = k == 7;
    absl::StrAppend(&list,
                    k,
                    ". ",
                    std::string(catalog.title(item)),
                    is_malformed ? "" : absl::StrCat(" (", catalog.year(item) + (k == 13), ")"),
                    kRemarks[random->Below(kRemarks.size())],
                    "\n");
  }
  return list;
}

enum Kind { kSmall, kLarge, kLargeMapped };

// nullptr when the small catalog is not here.
const Setting* SettingOf(Kind kind) {
  static auto* const settings = new std::map<Kind, std::unique_ptr<Setting>>();
  const auto [it, is_new] = settings->emplace(kind, nullptr);
  if (!is_new) return it->second.get();
  absl::StatusOr<catalog::Catalog> catalog = absl::NotFoundError("");
  base::TemporaryDirectory folder;
  if (kind != kSmall) {
    const std::string path = base::JoinPath(folder.path(), "large.jsonl");
    const std::string index = path + ".idx";
    CR_CHECK(base::WriteFileAtomically(path, LargeText()).ok());
    catalog = catalog::Catalog::Load(path, {.index_path = index});
    if (kind == kLargeMapped) catalog = catalog::Catalog::Load(index);
    CR_CHECK(catalog.ok(), catalog.status().ToString());
  } else {
    catalog = catalog::Catalog::Load(SourcePath("../shared/data/reddit_v2_catalog.jsonl"));
  }
  if (!catalog.ok()) return nullptr;
  base::RandomStream random(2, 0);
  std::vector<std::string> lists;
  std::vector<ListTarget> targets;
  for (size_t i = 0; i < kNumLists; ++i) {
    lists.push_back(ListOf(*catalog, &random));
    if (i % kSiblings != 0) continue;
    std::vector<domain::Item> truths;
    std::vector<std::string> seen;
    for (int t = 0; t < 4; ++t) {
      truths.push_back(catalog->ItemAt(random.Below(catalog->size())).item);
      seen.emplace_back(catalog->title(random.Below(catalog->size())));
    }
    targets.emplace_back(*catalog, truths, seen);
  }
  it->second = std::make_unique<Setting>(Setting{
      *catalog, std::make_unique<OddTitles>(*catalog), std::move(lists), std::move(targets)});
  return it->second.get();
}

const Setting* PrepareOrSkip(benchmark::State& state) {
  const Setting* const setting = SettingOf(static_cast<Kind>(state.range(0)));
  if (setting == nullptr) state.SkipWithError("The small catalog is not here.");
  return setting;
}

void Report(benchmark::State& state, const Setting& setting) {
  size_t num_bytes = 0;
  for (const std::string& list : setting.lists) num_bytes += list.size();
  state.SetItemsProcessed(state.iterations());
  state.counters["list_bytes"] = static_cast<double>(num_bytes) / kNumLists;
  state.counters["catalog"] = static_cast<double>(setting.catalog.size());
}

void BM_Read(benchmark::State& state) {
  const Setting* const setting = PrepareOrSkip(state);
  if (setting == nullptr) return;
  ListReader reader(setting->odd_titles.get());
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(reader.Read(setting->lists[i], RankCounting::kByLine).data());
    i = (i + 1) % kNumLists;
  }
  Report(state, *setting);
}

void BM_ReadAndJudge(benchmark::State& state) {
  const Setting* const setting = PrepareOrSkip(state);
  if (setting == nullptr) return;
  ListReader reader(setting->odd_titles.get());
  ListJudge judge(&setting->catalog, {});
  size_t i = 0;
  for (auto _ : state) {
    const auto lines = reader.Read(setting->lists[i], RankCounting::kByLine);
    benchmark::DoNotOptimize(judge.JudgeAll(lines, setting->targets[i / kSiblings]).data());
    i = (i + 1) % kNumLists;
  }
  Report(state, *setting);
}

void BM_ReadJudgeAndEvaluate(benchmark::State& state) {
  const Setting* const setting = PrepareOrSkip(state);
  if (setting == nullptr) return;
  ListReader reader(setting->odd_titles.get());
  ListJudge judge(&setting->catalog, {});
  size_t i = 0;
  for (auto _ : state) {
    const auto lines = reader.Read(setting->lists[i], RankCounting::kByLine);
    const auto judged = judge.JudgeAll(lines, setting->targets[i / kSiblings]);
    benchmark::DoNotOptimize(
        EvaluateLines(lines, judged, setting->targets[i / kSiblings], setting->catalog, {}));
    benchmark::DoNotOptimize(InCatalogRatioOfLines(lines, judged, setting->catalog, {}));
    i = (i + 1) % kNumLists;
  }
  Report(state, *setting);
}

void BM_Target(benchmark::State& state) {
  const Setting* const setting = PrepareOrSkip(state);
  if (setting == nullptr) return;
  const std::vector<domain::Item> truths = {setting->catalog.ItemAt(3).item,
                                            setting->catalog.ItemAt(5000).item};
  const std::vector<std::string> seen = {"Heat", "Alien"};
  for (auto _ : state) benchmark::DoNotOptimize(ListTarget(setting->catalog, truths, seen));
}

void BM_Nearest(benchmark::State& state) {
  const Setting* const setting = PrepareOrSkip(state);
  if (setting == nullptr) return;
  const catalog::TitleSearch search(&setting->catalog, catalog::Similarity::kTokenSort);
  size_t i = 0;
  for (auto _ : state) {
    const domain::Item item = setting->catalog.ItemAt(i * 7919 % setting->catalog.size()).item;
    benchmark::DoNotOptimize(search.Nearest(item.title + "s", item.year, 0, .9));
    ++i;
  }
  state.counters["bytes_per_item"] =
      static_cast<double>(search.size_bytes()) / static_cast<double>(setting->catalog.size());
}

void BM_NearestOfAnyYear(benchmark::State& state) {
  const Setting* const setting = PrepareOrSkip(state);
  if (setting == nullptr) return;
  const catalog::TitleSearch search(&setting->catalog, catalog::Similarity::kTokenSort);
  size_t i = 0;
  for (auto _ : state) {
    const domain::Item item = setting->catalog.ItemAt(i * 7919 % setting->catalog.size()).item;
    benchmark::DoNotOptimize(search.NearestOfAnyYear(item.title + "s", item.year, .6));
    ++i;
  }
}

// Finding the titles that the grammar changes.
void BM_OddTitles(benchmark::State& state) {
  const Setting* const setting = PrepareOrSkip(state);
  if (setting == nullptr) return;
  for (auto _ : state) benchmark::DoNotOptimize(OddTitles(setting->catalog));
}

// From JSON lines, and from the index next to them; the file is in the system's cache.
void BM_LoadLarge(benchmark::State& state) {
  const bool has_index = state.range(0) != 0;
  base::TemporaryDirectory folder;
  const std::string path = base::JoinPath(folder.path(), "large.jsonl");
  CR_CHECK(base::WriteFileAtomically(path, LargeText()).ok());
  catalog::CatalogOptions options;
  if (has_index) {
    options.index_path = path + ".idx";
    CR_CHECK(catalog::Catalog::Load(path, options).ok());
  }
  for (auto _ : state) {
    const absl::StatusOr<catalog::Catalog> catalog = catalog::Catalog::Load(path, options);
    CR_CHECK(catalog.ok());
    state.counters["bytes_per_item"] =
        static_cast<double>(catalog->size_bytes()) / static_cast<double>(catalog->size());
  }
}

BENCHMARK(BM_Read)->ArgName("kind")->Arg(kSmall)->Arg(kLarge)->Arg(kLargeMapped);
BENCHMARK(BM_ReadAndJudge)->ArgName("kind")->Arg(kSmall)->Arg(kLarge)->Arg(kLargeMapped);
BENCHMARK(BM_ReadJudgeAndEvaluate)->ArgName("kind")->Arg(kSmall)->Arg(kLarge)->Arg(kLargeMapped);
BENCHMARK(BM_Target)->ArgName("kind")->Arg(kSmall)->Arg(kLarge);
BENCHMARK(BM_OddTitles)->ArgName("kind")->Arg(kSmall)->Arg(kLarge)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Nearest)->ArgName("kind")->Arg(kSmall)->Arg(kLarge)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_NearestOfAnyYear)
    ->ArgName("kind")
    ->Arg(kSmall)
    ->Arg(kLarge)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_LoadLarge)->ArgName("index")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace convrec::lists
