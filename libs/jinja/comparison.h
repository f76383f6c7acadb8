// Equality, order and hashes of values, as in Python. `meter` counts the work unless it is nullptr;
// once it is exhausted, results are meaningless.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "libs/jinja/value.h"

namespace convrec::jinja {

bool IsTrue(const Value& value);

// 1 == 1.0 == true; otherwise values of different kinds are unequal.
bool AreEqual(Meter* meter, const Value& a, const Value& b);

// Whether `a` < `b`; EvaluationError for values without an order between them.
absl::StatusOr<bool> IsLess(Meter* meter, const Value& a, const Value& b);
absl::StatusOr<bool> IsLessOrEqual(Meter* meter, const Value& a, const Value& b);

// Whether `container` holds `item`: a substring, an item or a key.
absl::StatusOr<bool> Contains(Meter* meter, const Value& container, const Value& item);

bool IsHashable(const Value& value);
// Equal for equal values; `value` must be hashable.
uint64_t HashOf(Meter* meter, const Value& value);

}  // namespace convrec::jinja
