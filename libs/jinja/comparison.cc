#include "libs/jinja/comparison.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/object.h"

namespace convrec::jinja {
namespace {

bool IsExhausted(const Meter* meter) { return meter != nullptr && meter->is_exhausted(); }

void Spend(Meter* meter, uint64_t steps) {
  if (meter != nullptr) meter->Spend(steps);
}

bool AreItemsEqual(Meter* meter, const std::vector<Value>& a, const std::vector<Value>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const Value& x, const Value& y) {
    return AreEqual(meter, x, y);
  });
}

bool AreSequencesEqual(Meter* meter, const Value& a, const Value& b) {
  if (&a.sequence() == &b.sequence()) return true;
  const bool are_tuples = a.is_tuple() && b.is_tuple();
  return (are_tuples || a.sequence().kind == b.sequence().kind) &&
         AreItemsEqual(meter, a.items(), b.items());
}

bool AreMappingsEqual(Meter* meter, const Mapping& a, const Mapping& b) {
  if (&a == &b) return true;
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const Mapping::Entry& entry) {
    const Value* other = b.Find(meter, entry.first);
    return other != nullptr && AreEqual(meter, entry.second, *other);
  });
}

bool AreTextsEqual(Meter* meter, const std::string& a, const std::string& b) {
  if (&a == &b) return true;
  if (a.size() != b.size()) return false;
  Spend(meter, a.size() / 256);
  return a == b;
}

bool AreNumbersEqual(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.int_value() == b.int_value();
  return a.float_value() == b.float_value();
}

absl::Status OrderError(const Value& a, const Value& b) {
  if (a.is_undefined()) return a.UndefinedError();
  if (b.is_undefined()) return b.UndefinedError();
  return EvaluationError(absl::StrCat(
      "'<' is not supported between instances of '", a.type_name(), "' and '", b.type_name(), "'"));
}

absl::StatusOr<bool> AreItemsLess(Meter* meter,
                                  const std::vector<Value>& a,
                                  const std::vector<Value>& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (!AreEqual(meter, a[i], b[i])) return IsLess(meter, a[i], b[i]);
  }
  return a.size() < b.size();
}

absl::StatusOr<bool> IteratorContains(Meter* meter, Iterator* iterator, const Value& item) {
  Value next;
  while (true) {
    CR_ASSIGN_OR_RETURN(const bool has_next, iterator->Next(&next));
    if (!has_next) return false;
    if (AreEqual(meter, next, item)) return true;
  }
}

}  // namespace

bool IsTrue(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNone:
      return false;
    case Value::Kind::kBool:
      return value.bool_value();
    case Value::Kind::kInt:
      return value.int_value() != 0;
    case Value::Kind::kFloat:
      return value.float_value() != 0;
    case Value::Kind::kText:
      return !value.text().empty();
    case Value::Kind::kSequence:
      return !value.items().empty();
    case Value::Kind::kMapping:
      return !value.mapping().entries.empty();
    case Value::Kind::kObject:
      return true;
  }
  return false;
}

bool AreEqual(Meter* meter, const Value& a, const Value& b) {
  Spend(meter, 1);
  if (IsExhausted(meter)) return false;
  if (a.is_number() && b.is_number()) return AreNumbersEqual(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kText:
      return AreTextsEqual(meter, a.text(), b.text());
    case Value::Kind::kSequence:
      return AreSequencesEqual(meter, a, b);
    case Value::Kind::kMapping:
      return AreMappingsEqual(meter, a.mapping(), b.mapping());
    case Value::Kind::kObject:
      return a.object() == b.object();
    default:
      return true;  // Both undefined, or both none.
  }
}

absl::StatusOr<bool> IsLess(Meter* meter, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.int_value() < b.int_value();
  if (a.is_number() && b.is_number()) return a.float_value() < b.float_value();
  if (a.is_text() && b.is_text()) {
    Spend(meter, 1 + std::min(a.text().size(), b.text().size()) / 256);
    return a.text() < b.text();  // UTF-8 keeps the order of code points.
  }
  if ((a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple())) {
    return AreItemsLess(meter, a.items(), b.items());
  }
  return OrderError(a, b);
}

absl::StatusOr<bool> IsLessOrEqual(Meter* meter, const Value& a, const Value& b) {
  CR_ASSIGN_OR_RETURN(const bool is_less, IsLess(meter, a, b));
  return is_less || AreEqual(meter, a, b);
}

absl::StatusOr<bool> Contains(Meter* meter, const Value& container, const Value& item) {
  if (container.is_undefined()) return false;
  if (container.is_text()) {
    if (!item.is_text()) {
      return EvaluationError(
          absl::StrCat("'in <string>' requires string as left operand, not ", item.type_name()));
    }
    Spend(meter, 1 + container.text().size() / 64);
    return container.text().find(item.text()) != std::string::npos;
  }
  if (container.is_sequence()) {
    const auto& items = container.items();
    return std::any_of(items.begin(), items.end(), [&](const Value& other) {
      return AreEqual(meter, other, item);
    });
  }
  if (container.is_mapping()) {
    if (IsHashable(item)) return container.mapping().Find(meter, item) != nullptr;
    return EvaluationError(absl::StrCat("unhashable type: '", item.type_name(), "'"));
  }
  if (container.is_object()) {
    if (auto* iterator = dynamic_cast<Iterator*>(container.object())) {
      return IteratorContains(meter, iterator, item);
    }
  }
  return EvaluationError(
      absl::StrCat("argument of type '", container.type_name(), "' is not iterable"));
}

bool IsHashable(const Value& value) {
  if (value.is_mapping()) return false;
  return !value.is_sequence() || value.sequence().is_hashable;
}

uint64_t HashOf(Meter* meter, const Value& value) {
  Spend(meter, 1);
  if (IsExhausted(meter)) return 0;
  switch (value.kind()) {
    case Value::Kind::kBool:
    case Value::Kind::kInt:
    case Value::Kind::kFloat:
      return absl::HashOf(value.float_value());
    case Value::Kind::kText:
      Spend(meter, value.text().size() / 256);
      return absl::HashOf(value.text());
    case Value::Kind::kSequence: {
      uint64_t hash = 0;
      for (const Value& item : value.items()) hash = absl::HashOf(hash, HashOf(meter, item));
      return hash;
    }
    case Value::Kind::kObject:
      return absl::HashOf(value.object());
    default:
      return absl::HashOf(static_cast<int>(value.kind()));
  }
}

}  // namespace convrec::jinja
