#include "libs/lists/list_judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "libs/base/random.h"
#include "libs/lists/list_format.h"
#include "libs/lists/testing/judge_ranks.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {
namespace {

using domain::Item;
using domain::LineMatch;
using enum domain::LineOutcome;
using Outcomes = std::vector<domain::LineOutcome>;

catalog::CatalogItem Film(const std::string& title,
                          int year,
                          const std::vector<std::string>& aliases = {}) {
  catalog::CatalogItem film;
  film.item = {title, year};
  film.aliases = aliases;
  return film;
}

class ListJudgeTest : public ::testing::Test {
 protected:
  // Verdicts of a list over films with aliases.
  std::vector<JudgedLine> Judge(const std::string& text,
                                const std::vector<Item>& ground_truth,
                                const std::vector<std::string>& seen_titles = {},
                                const HitOptions& options = {}) {
    ListJudge judge(&catalog_, options);
    const ListTarget target(catalog_, ground_truth, seen_titles);
    const auto judged = judge.JudgeAll(reader_.Read(text, RankCounting::kByLine), target);
    return {judged.begin(), judged.end()};
  }

  static Outcomes OutcomesOf(const std::vector<JudgedLine>& judged) {
    Outcomes outcomes;
    for (const JudgedLine& line : judged) outcomes.push_back(line.outcome);
    return outcomes;
  }

  const catalog::Catalog catalog_ =
      *catalog::Catalog::FromItems({Film("Seven", 1995, {"Se7en", "Sieben"}),
                                    Film("Heat", 1995),
                                    Film("Alien", 1979, {"Alien: das unheimliche Wesen"}),
                                    Film("Alien", 1981),
                                    Film("The Godfather Part 2", 1974),
                                    Film("Amélie", 2001, {"Le Fabuleux Destin d'Amélie Poulain"})},
                                   "test");
  ListReader reader_;
};

TEST_F(ListJudgeTest, AnAliasCountsAsTheTitle) {
  const auto judged =
      Judge("Se7en (1995)\nSieben (1995)\nSEVEN (1995)", {{"sieben", 1996}, {"Seven", 1994}});
  EXPECT_EQ(OutcomesOf(judged), (Outcomes{kHit, kHit, kOffCatalog}));
  EXPECT_EQ(judged[0].match, LineMatch::kAlias);
  EXPECT_EQ(judged[0].item, 0u);
  EXPECT_EQ(judged[0].truth, 0);  // 1996 before 1994 at the same distance.
  EXPECT_EQ(judged[1].truth, 1);
  EXPECT_TRUE(judged[1].is_duplicate);
  EXPECT_FALSE(judged[0].is_duplicate);
}

TEST_F(ListJudgeTest, ASeenTitleCoversTheAliasesOfItsItem) {
  const auto judged =
      Judge("Se7en (1995)\nSeven (1995)\nHeat (1995)", {{"Seven", 1995}}, {"Seven"});
  EXPECT_EQ(OutcomesOf(judged), (Outcomes{kSeen, kSeen, kMiss}));
  EXPECT_EQ(judged[0].item, 0u);  // What it is stays known.
  EXPECT_EQ(OutcomesOf(Judge("Seven (1995)", {{"Seven", 1995}}, {"Sieben"})), (Outcomes{kSeen}));
  EXPECT_EQ(OutcomesOf(Judge("Seven (1995)", {{"Seven", 1995}}, {"sieben"})), (Outcomes{kHit}));
}

TEST_F(ListJudgeTest, FlagsSayEachThingByItself) {
  const auto judged = Judge(
      "Ghost (1990)\nGhost (1990)\nGhost (1991)\nHeat (1995)\nHeat (1995)", {}, {"Ghost", "Heat"});
  EXPECT_EQ(OutcomesOf(judged), (Outcomes{kSeen, kSeen, kSeen, kSeen, kSeen}));
  EXPECT_EQ(judged[1].is_duplicate, true);
  EXPECT_EQ(judged[2].is_duplicate, false);
  EXPECT_EQ(judged[2].match, LineMatch::kNone);
  EXPECT_EQ(judged[4].is_duplicate, true);
  EXPECT_EQ(judged[4].match, LineMatch::kTitle);
}

TEST_F(ListJudgeTest, TheCatalogsYearsHaveATolerance) {
  EXPECT_EQ(OutcomesOf(Judge("Heat (1996)", {{"Heat", 1995}})), (Outcomes{kOffCatalog}));
  const auto judged = Judge("Heat (1996)\nAlien (1980)\nAlien (1978)\nHeat (1998)",
                            {{"Heat", 1993}},
                            {},
                            {.catalog_year_tolerance = 1});
  // The item is Heat, and 1995 is within two years of 1993 although 1996 is not.
  EXPECT_EQ(OutcomesOf(judged), (Outcomes{kHit, kMiss, kMiss, kOffCatalog}));
  EXPECT_EQ(judged[0].match, LineMatch::kNearYear);
  EXPECT_EQ(judged[1].item, 3u);  // 1981 before 1979.
  EXPECT_EQ(judged[2].item, 2u);
}

TEST_F(ListJudgeTest, FuzzyMatchesAreFlagged) {
  const catalog::TitleSearch search(&catalog_, catalog::Similarity::kTokenSort);
  const HitOptions options = {.fuzzy = &search, .fuzzy_threshold = .9};
  const std::string text =
      "Godfather, the, Part 2 (1974)\nThe Godfather Part 3 (1974)\nThe Godfather Part 2 (1975)\n"
      "Amelie (2001)\nHeat (1995)";
  const auto judged = Judge(
      text, {{"The Godfather Part 2", 1974}}, {"Le Fabuleux Destin d'Amélie Poulain"}, options);
  EXPECT_EQ(OutcomesOf(judged), (Outcomes{kHit, kOffCatalog, kOffCatalog, kSeen, kMiss}));
  EXPECT_EQ(judged[0].match, LineMatch::kFuzzy);
  EXPECT_EQ(judged[0].similarity, 1);
  EXPECT_EQ(judged[3].match, LineMatch::kFuzzy);
  EXPECT_EQ(judged[4].match, LineMatch::kTitle);
  EXPECT_EQ(Judge(text, {{"Heat", 1995}})[0].match, LineMatch::kNone);  // Off unless asked for.
}

TEST(ListJudgeFormTest, NormalisedTitlesMatchInEitherSpelling) {
  const std::vector<catalog::CatalogItem> items = {Film("Ame\u0301lie", 2001)};
  const catalog::Catalog as_written = *catalog::Catalog::FromItems(items, "test");
  const catalog::Catalog nfc =
      *catalog::Catalog::FromItems(items, "test", catalog::TitleForm::kNfc);
  EXPECT_NE(as_written.digest(), nfc.digest());
  const RankedList list = ParseList("Amélie (2001)\nAme\u0301lie (2001)", RankCounting::kByLine);
  const auto judge = [&](const catalog::Catalog& catalog) {
    return JudgeRanks(list, {{"AMÉLIE", 2001}}, {}, catalog, {});
  };
  EXPECT_EQ(judge(as_written), (Outcomes{kOffCatalog, kMiss}));
  EXPECT_EQ(judge(nfc), (Outcomes{kHit, kDuplicate}));
  EXPECT_EQ(JudgeRanks(list, {}, {"Ame\u0301lie"}, nfc, {}), (Outcomes{kSeen, kSeen}));
}

// Films of few titles and close years, so that lists repeat, miss by a year and consume each
// other's ground truths.
class RandomListsTest : public ::testing::Test {
 protected:
  RandomListsTest() {
    for (const Item& item : universe_) {
      if (random_.Below(4) != 0) items_.push_back({item, {}, 0});
    }
    catalog_ = *catalog::Catalog::FromItems(items_, "test");
  }

  std::vector<Item> Draw(uint64_t max_size) {
    std::vector<Item> drawn;
    const uint64_t size = random_.Below(max_size + 1);
    for (uint64_t i = 0; i < size; ++i) drawn.push_back(universe_[random_.Below(universe_.size())]);
    return drawn;
  }

  std::vector<std::string> DrawTitles(uint64_t max_size) {
    std::vector<std::string> titles;
    for (const Item& item : Draw(max_size)) titles.push_back(item.title);
    return titles;
  }

  static std::vector<Item> Universe() {
    std::vector<Item> items;
    for (const char* const title : {"Heat", "HEAT", "Alien", "Straße", "STRASSE", "Up"}) {
      for (int year = 1990; year < 1996; ++year) items.push_back({title, year});
    }
    return items;
  }

  Outcomes Judge(const std::vector<Item>& list,
                 const std::vector<Item>& truths,
                 const std::vector<std::string>& seen,
                 const HitOptions& options = {},
                 RankCounting counting = RankCounting::kByLine) const {
    const std::string text = FormatList(list, ListStyle::kNumbered);
    return JudgeRanks(
        ParseList(text, RankCounting::kByLine), truths, seen, *catalog_, options, counting);
  }

  base::RandomStream random_{31, 0};
  const std::vector<Item> universe_ = Universe();
  std::vector<catalog::CatalogItem> items_;
  std::optional<catalog::Catalog> catalog_;
};

// The definition of method section 4, step by step. By line a seen title of several items blocks
// none of them.
Outcomes JudgeByDefinition(const std::vector<Item>& list,
                           std::vector<Item> truths,
                           const std::vector<std::string>& seen,
                           const std::vector<catalog::CatalogItem>& catalog,
                           const HitOptions& options,
                           RankCounting counting) {
  Outcomes outcomes;
  std::set<Item> listed;
  for (size_t k = 0; k < list.size(); ++k) {
    const Item& item = list[k];
    const auto is_item = [&](const catalog::CatalogItem& entry) { return entry.item == item; };
    const auto num_of_title = std::count_if(catalog.begin(), catalog.end(), [&](const auto& entry) {
      return entry.item.title == item.title;
    });
    const bool is_ambiguous = counting == RankCounting::kByLine && num_of_title > 1 &&
                              std::any_of(catalog.begin(), catalog.end(), is_item);
    if (!is_ambiguous && std::find(seen.begin(), seen.end(), item.title) != seen.end()) {
      outcomes.push_back(kSeen);
      continue;
    }
    if (std::none_of(catalog.begin(), catalog.end(), is_item)) {
      outcomes.push_back(kOffCatalog);
      continue;
    }
    const bool is_new = listed.insert(item).second;
    bool is_hit = false;
    std::vector<int> years = {item.year};
    for (int d = 1; d <= options.year_tolerance; ++d) {
      years.push_back(item.year + d);
      years.push_back(item.year - d);
    }
    for (const int year : years) {
      const auto it = std::find_if(truths.begin(), truths.end(), [&](const Item& truth) {
        return truth.year == year && text::TitleKey(truth.title) == text::TitleKey(item.title);
      });
      if (it == truths.end() || static_cast<int>(k) >= options.num_ranks) continue;
      truths.erase(it);
      is_hit = true;
      break;
    }
    outcomes.push_back(is_hit ? kHit : is_new ? kMiss : kDuplicate);
  }
  return outcomes;
}

TEST_F(RandomListsTest, VerdictsFollowTheDefinition) {
  for (int round = 0; round < 20000; ++round) {
    const std::vector<Item> list = Draw(round % 100 == 0 ? 80 : 12);
    const std::vector<Item> truths = Draw(5);
    const std::vector<std::string> seen = DrawTitles(2);
    const HitOptions options = {.num_ranks = 1 + static_cast<int>(random_.Below(12)),
                                .year_tolerance = static_cast<int>(random_.Below(4))};
    for (const RankCounting counting : {RankCounting::kByLine, RankCounting::kReference}) {
      ASSERT_EQ(Judge(list, truths, seen, options, counting),
                JudgeByDefinition(list, truths, seen, items_, options, counting));
    }
  }
}

TEST_F(RandomListsTest, TheOrderOfGroundTruthsAndSeenTitlesDoesNotMatter) {
  for (int round = 0; round < 5000; ++round) {
    const std::vector<Item> list = Draw(12);
    std::vector<Item> truths = Draw(5);
    std::vector<std::string> seen = DrawTitles(3);
    const Outcomes outcomes = Judge(list, truths, seen);
    std::reverse(truths.begin(), truths.end());
    std::reverse(seen.begin(), seen.end());
    ASSERT_EQ(Judge(list, truths, seen), outcomes);
    seen.insert(seen.end(), seen.begin(), seen.end());  // Said twice is said once.
    ASSERT_EQ(Judge(list, truths, seen), outcomes);
  }
}

// With a tolerance of 0 a permuted list has the same items hit; with more, which of two near years
// takes a ground truth depends on the order.
TEST_F(RandomListsTest, PermutingTheListPermutesTheHits) {
  for (int round = 0; round < 5000; ++round) {
    std::vector<Item> list = Draw(12);
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    const std::vector<Item> truths = Draw(5);
    // Titles with the same key compete for a ground truth.
    std::map<std::pair<std::string, int>, int> num_of_key;
    for (const Item& item : list) ++num_of_key[{text::TitleKey(item.title), item.year}];
    const auto hits_of = [&](const std::vector<Item>& order) {
      std::set<Item> hits;
      const Outcomes outcomes = Judge(order, truths, {}, {.year_tolerance = 0});
      for (size_t i = 0; i < order.size(); ++i) {
        if (outcomes[i] == kHit && num_of_key[{text::TitleKey(order[i].title), order[i].year}] == 1)
          hits.insert(order[i]);
      }
      return hits;
    };
    std::vector<Item> permuted;
    for (const size_t i : base::RandomPermutation(list.size(), 7, static_cast<uint64_t>(round)))
      permuted.push_back(list[i]);
    ASSERT_EQ(hits_of(permuted), hits_of(list));
  }
}

TEST_F(RandomListsTest, ARepeatedItemNeverHitsMoreOftenThanItIsTrue) {
  for (int round = 0; round < 5000; ++round) {
    const std::vector<Item> truths = Draw(4);
    const Item item = universe_[random_.Below(universe_.size())];
    const std::vector<Item> list(1 + random_.Below(8), item);
    const Outcomes outcomes = Judge(list, truths, {});
    const auto num_near = std::count_if(truths.begin(), truths.end(), [&](const Item& truth) {
      return text::TitleKey(truth.title) == text::TitleKey(item.title) &&
             std::abs(truth.year - item.year) <= 2;
    });
    ASSERT_LE(std::count(outcomes.begin(), outcomes.end(), kHit), num_near);
    // The first copy is worth at least as much as any later one.
    ASSERT_TRUE(std::is_sorted(
        outcomes.begin(), outcomes.end(), [](auto a, auto b) { return a == kHit && b != kHit; }));
  }
}

// Replacing a rank by a copy of an earlier rank gains nothing when each ground truth is named once.
TEST_F(RandomListsTest, ACopyIsNeverWorthMoreThanWhatItReplaces) {
  for (int round = 0; round < 5000; ++round) {
    std::vector<Item> list = Draw(12);
    if (list.size() < 2) continue;
    const std::vector<Item> truths = {universe_[random_.Below(universe_.size())]};
    const auto num_hits = [&] {
      const Outcomes outcomes = Judge(list, truths, {});
      return std::count(outcomes.begin(), outcomes.end(), kHit);
    };
    const auto before = num_hits();
    const size_t to = 1 + random_.Below(list.size() - 1);
    list[to] = list[random_.Below(to)];
    ASSERT_LE(num_hits(), before);
  }
}

TEST_F(RandomListsTest, BothWaysToCountRanksAgreeOnCleanLists) {
  for (int round = 0; round < 2000; ++round) {
    const std::string text = FormatList(Draw(25), ListStyle::kNumbered);
    const std::vector<Item> truths = Draw(5);
    ASSERT_EQ(JudgeRanks(ParseList(text, RankCounting::kByLine), truths, {}, *catalog_, {}),
              JudgeRanks(ParseList(text, RankCounting::kReference), truths, {}, *catalog_, {}));
  }
}

}  // namespace
}  // namespace convrec::lists
