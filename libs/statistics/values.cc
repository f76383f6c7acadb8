#include "libs/statistics/values.h"

#include <utility>

#include "libs/base/check.h"

namespace convrec::statistics {

Record::Record(std::span<const Statistic> rows, const size_t* slots) : rows_(rows), slots_(slots) {
  for (const Statistic& row : rows) {
    if (!IsList(row.shape)) {
      numbers_.push_back(row.otherwise);
    } else {
      lists_.emplace_back(row.shape == Shape::kAtCutoffs ? domain::kCutoffs.size() : 0, 0.0);
    }
  }
}

std::span<const double> Record::at(size_t row) const {
  const size_t slot = slots_[row];
  if (IsList(rows_[row].shape)) return lists_[slot];
  return {&numbers_[slot], 1};
}

void Record::Set(size_t row, std::vector<double> values) {
  const size_t slot = slots_[row];
  if (IsList(rows_[row].shape)) {
    lists_[slot] = std::move(values);
  } else {
    CR_CHECK(values.size() == 1, rows_[row].name);
    numbers_[slot] = values.front();
  }
}

void Record::Copy(const Record& other, size_t row) {
  CR_CHECK(rows_.data() == other.rows_.data());
  const std::span<const double> values = other.at(row);
  Set(row, {values.begin(), values.end()});
}

}  // namespace convrec::statistics
