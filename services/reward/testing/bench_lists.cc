#include "services/reward/testing/bench_lists.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/random.h"

namespace convrec::reward {
namespace {

constexpr size_t kListBytes = 1024;
constexpr int kLines = 20;
constexpr const char* kWords[] = {
    "Last",  "Night", "River",  "Star",  "Red",    "Iron",   "City",    "House", "Dark", "Summer",
    "Lost",  "King",  "Silent", "Gold",  "Winter", "Broken", "Garden",  "Blue",  "Wolf", "Stranger",
    "Angel", "Road",  "Moon",   "Glass", "Paper",  "Hunter", "Promise", "Cold",  "Fire", "Dream"};
constexpr char kRemark[] = " - a film of the kind you asked for, and then some";

std::string MakeTitle(base::RandomStream* random) {
  std::string title = "The";
  for (uint64_t i = 1 + random->Below(4); i > 0; --i) {
    absl::StrAppend(&title, " ", kWords[random->Below(std::size(kWords))]);
  }
  return title;
}

std::string MakeList(const catalog::Catalog& catalog, base::RandomStream* random) {
  std::vector<std::string> lines;
  size_t num_bytes = 0;
  for (int rank = 1; rank <= kLines; ++rank) {
    const uint64_t kind = random->Below(20);
    const size_t item = random->Below(catalog.size());
    std::string line =
        absl::StrCat(std::string(catalog.title(item)), " (", catalog.year(item), ")");
    if (kind < 2)
      line = absl::StrCat(MakeTitle(random), " Unmade (", 1950 + random->Below(70), ")");
    if (kind == 2) line = MakeTitle(random);
    if (kind == 3 && !lines.empty()) line = lines[random->Below(lines.size())];
    num_bytes += line.size() + 5;
    lines.push_back(std::move(line));
  }
  const size_t remark_size = std::min(
      std::size(kRemark) - 1, num_bytes < kListBytes ? (kListBytes - num_bytes) / kLines : 0);
  std::string text;
  for (int rank = 1; rank <= kLines; ++rank) {
    absl::StrAppend(&text, rank, ". ", lines[static_cast<size_t>(rank - 1)]);
    absl::StrAppend(&text, std::string(kRemark, remark_size), rank < kLines ? "\n" : "");
  }
  return text;
}

}  // namespace

catalog::Catalog MakeBenchCatalog(size_t size) {
  base::RandomStream random(1, 0);
  std::vector<catalog::CatalogItem> items;
  items.reserve(size);
  for (size_t i = 0; i < size; ++i) {
    const int year = 1930 + static_cast<int>(i % 95);
    items.push_back({{absl::StrCat(MakeTitle(&random), " ", i / 95), year}, {}, 0});
  }
  auto catalog = catalog::Catalog::FromItems(items, "bench");
  CR_CHECK(catalog.ok(), std::string(catalog.status().message()));
  return *std::move(catalog);
}

std::vector<BenchGroup> MakeBenchGroups(const catalog::Catalog& catalog,
                                        size_t num_groups,
                                        size_t lists_per_group,
                                        uint64_t seed) {
  base::RandomStream random(seed, 0);
  std::vector<BenchGroup> groups(num_groups);
  for (BenchGroup& group : groups) {
    for (int i = 0; i < 3; ++i) {
      const size_t item = random.Below(catalog.size());
      group.prompt.ground_truth.push_back({std::string(catalog.title(item)), catalog.year(item)});
    }
    for (int i = 0; i < 8; ++i) {
      group.prompt.seen_titles.emplace_back(catalog.title(random.Below(catalog.size())));
    }
    for (size_t i = 0; i < lists_per_group; ++i) group.texts.push_back(MakeList(catalog, &random));
  }
  return groups;
}

}  // namespace convrec::reward
