// The values of one record by the names of a table: `values["kl"]`, `values.list("kl_by_rank")`.
//
// A name that is not in the table, or has another shape there, does not compile. A value that has
// not been set is the row's `otherwise`; lists are empty, those at the cutoffs 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/domain/list_score.h"
#include "libs/statistics/statistic.h"

namespace convrec::statistics {

constexpr bool IsList(Shape shape) { return shape != Shape::kNumber && shape != Shape::kCount; }

// The values without their names, for code that iterates over all rows of a table.
class Record {
 public:
  std::span<const Statistic> rows() const { return rows_; }
  // The values of a row: one if its shape is a number.
  std::span<const double> at(size_t row) const;
  // Sets them. A number takes exactly one.
  void Set(size_t row, std::vector<double> values);
  // Copies the values of one row from another record of the same table.
  void Copy(const Record& other, size_t row);

 protected:
  // `slots` has, for each row, its place among the numbers or among the lists.
  Record(std::span<const Statistic> rows, const size_t* slots);

  std::vector<double> numbers_;
  std::vector<std::vector<double>> lists_;

 private:
  std::span<const Statistic> rows_;
  const size_t* slots_;
};

template <const auto& kTable>
inline constexpr auto kSlots = [] {
  std::array<size_t, std::size(kTable)> slots{};
  size_t num_numbers = 0, num_lists = 0, row = 0;
  for (const Statistic& statistic : kTable)
    slots[row++] = IsList(statistic.shape) ? num_lists++ : num_numbers++;
  return slots;
}();

template <const auto& kTable>
class Values : public Record {
 public:
  template <bool is_list>
  class Name {
   public:
    // NOLINTNEXTLINE(google-explicit-constructor): a name denotes its row.
    consteval Name(const char* name) : slot(Find(name)) {}
    const size_t slot;

   private:
    static consteval size_t Find(absl::string_view name) {
      size_t row = 0;
      for (const Statistic& statistic : kTable) {
        if (statistic.name == name && IsList(statistic.shape) == is_list)
          return kSlots<kTable>[row];
        ++row;
      }
      throw "the table has no row of this name and shape";
    }
  };

  Values() : Record(kTable, kSlots<kTable>.data()) {}

  double& operator[](Name<false> name) { return numbers_[name.slot]; }
  double operator[](Name<false> name) const { return numbers_[name.slot]; }
  // The value of a count.
  int64_t count(Name<false> name) const { return static_cast<int64_t>(numbers_[name.slot]); }
  std::vector<double>& list(Name<true> name) { return lists_[name.slot]; }
  const std::vector<double>& list(Name<true> name) const { return lists_[name.slot]; }
};

}  // namespace convrec::statistics
