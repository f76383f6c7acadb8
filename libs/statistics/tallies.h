// Sums up measurements of a step's tokens: `tallies.Add("kl", value, rank)` for each token, then
// the rows of the table that have this measure, over all tokens and by rank of the list.
//
// Means do not depend on how a step was split. Sums are taken in the order of the calls, so the
// same calls give the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/statistics/statistic.h"
#include "libs/statistics/values.h"

namespace convrec::statistics {

struct Tally {
  int64_t count = 0;
  double sum = 0;
  double sum_of_squares = 0;
  double min = 0;
  double max = 0;

  void Add(double value);
  // `otherwise` if nothing was added. Dies for kLeader.
  double Value(Combine combine, double otherwise) const;
};

// For each row of a table, the index of its measure; `none` for rows without one.
template <const auto& kTable>
struct MeasureIndex {
  static constexpr size_t none = std::size(kTable);
  std::array<size_t, std::size(kTable)> of_row{};
  size_t count = 0;

  consteval MeasureIndex() {
    for (size_t row = 0; row < of_row.size(); ++row) {
      of_row[row] = none;
      if (kTable[row].measure.empty()) continue;
      for (size_t earlier = 0; earlier < row && of_row[row] == none; ++earlier) {
        if (kTable[earlier].measure == kTable[row].measure) of_row[row] = of_row[earlier];
      }
      if (of_row[row] == none) of_row[row] = count++;
    }
  }
};

template <const auto& kTable>
class Tallies final {
 public:
  // A measure of the table; other names do not compile.
  class Measure {
   public:
    // NOLINTNEXTLINE(google-explicit-constructor): a name denotes the measure.
    consteval Measure(const char* name) : index(Find(name)) {}
    const size_t index;

   private:
    static consteval size_t Find(absl::string_view name) {
      for (size_t row = 0; row < std::size(kTable); ++row) {
        if (!name.empty() && kTable[row].measure == name) return kIndex.of_row[row];
      }
      throw "no row of the table has this measure";
    }
  };

  explicit Tallies(size_t num_ranks) : ranks_(num_ranks) {}

  // The first is for tokens without a rank. A rank past the last one counts only in the whole.
  void Add(Measure measure, double value) { all_[measure.index].Add(value); }
  void Add(Measure measure, double value, size_t rank) {
    Add(measure, value);
    if (rank < ranks_.size()) ranks_[rank][measure.index].Add(value);
  }

  const Tally& all(Measure measure) const { return all_[measure.index]; }
  const Tally& at_rank(Measure measure, size_t rank) const { return ranks_[rank][measure.index]; }

  // Sets every row that has a measure.
  void Write(Values<kTable>* values) const {
    for (size_t row = 0; row < std::size(kTable); ++row) {
      const size_t measure = kIndex.of_row[row];
      if (measure == kIndex.none) continue;
      const Statistic& statistic = kTable[row];
      const auto value = [&statistic](const Tally& tally) {
        return tally.Value(statistic.combine, statistic.otherwise);
      };
      std::vector<double> out;
      if (statistic.shape == Shape::kByRank) {
        for (const Row& rank : ranks_) out.push_back(value(rank[measure]));
      } else {
        out.push_back(value(all_[measure]));
      }
      values->Set(row, std::move(out));
    }
  }

 private:
  static constexpr MeasureIndex<kTable> kIndex{};
  using Row = std::array<Tally, kIndex.count>;

  Row all_{};
  std::vector<Row> ranks_;
};

}  // namespace convrec::statistics
