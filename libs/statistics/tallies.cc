#include "libs/statistics/tallies.h"

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::statistics {

void Tally::Add(double value) {
  min = count == 0 ? value : std::min(min, value);
  max = count == 0 ? value : std::max(max, value);
  ++count;
  sum += value;
  sum_of_squares += value * value;
}

double Tally::Value(Combine combine, double otherwise) const {
  if (count == 0) return otherwise;
  switch (combine) {
    case Combine::kLeader:
      break;
    case Combine::kSum:
      return sum;
    case Combine::kMean:
      return sum / static_cast<double>(count);
    case Combine::kMin:
      return min;
    case Combine::kMax:
      return max;
    case Combine::kEffective:
      return sum_of_squares > 0 ? sum * sum / sum_of_squares / static_cast<double>(count) : 0;
  }
  CR_CHECK(false, "a row with a measure says how its values combine");
}

}  // namespace convrec::statistics
