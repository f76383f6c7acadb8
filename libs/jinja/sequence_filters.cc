// Filters of sequences and mappings.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/arguments.h"
#include "libs/jinja/arithmetic.h"
#include "libs/jinja/attributes.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/filters.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/methods.h"
#include "libs/jinja/printing.h"
#include "libs/jinja/python_text.h"
#include "libs/jinja/tests.h"

namespace convrec::jinja {
namespace {

using Result = absl::StatusOr<Value>;
using Items = std::vector<Value>;

// What `attribute="a.0.b"` selects from an item; the item itself without an attribute.
class AttributePath {
 public:
  explicit AttributePath(const Value* attribute, const Value* otherwise = nullptr)
      : otherwise_(otherwise) {
    if (attribute == nullptr || attribute->is_none()) return;
    if (!attribute->is_text()) {
      parts_.push_back(*attribute);
      return;
    }
    for (const std::string_view part : Split(attribute->text(), ".", -1)) {
      int64_t index = 0;
      const bool is_index = !part.empty() && part.size() < 18 &&
                            part.find_first_not_of("0123456789") == std::string_view::npos;
      for (const char digit : is_index ? part : "") index = 10 * index + (digit - '0');
      parts_.push_back(is_index ? Value(index) : Value::OfText(std::string(part)));
    }
  }

  Result Of(Runtime* runtime, Value item) const {
    for (const Value& part : parts_) {
      CR_ASSIGN_OR_RETURN(item, GetItem(runtime, item, part));
      const bool has_default = otherwise_ != nullptr && !otherwise_->is_none();
      if (item.is_undefined() && has_default) item = *otherwise_;
    }
    return item;
  }

 private:
  std::vector<Value> parts_;
  const Value* const otherwise_;
};

Result WithoutCase(Runtime* runtime, const Value& value) {
  if (!value.is_text()) return value;
  CR_RETURN_IF_ERROR(runtime->meter()->WorkOnBytes(8 * value.text().size()));
  return runtime->Text(Lower(value.text()));
}

// Keys by which items are compared, one for each.
absl::StatusOr<Items> KeysOf(Runtime* runtime,
                             const Items& items,
                             const std::vector<AttributePath>& paths,
                             bool is_case_sensitive) {
  Items keys;
  for (const Value& item : items) {
    Items parts;
    for (const AttributePath& path : paths) {
      CR_ASSIGN_OR_RETURN(Value key, path.Of(runtime, item));
      if (!is_case_sensitive) {
        CR_ASSIGN_OR_RETURN(key, WithoutCase(runtime, key));
      }
      parts.push_back(std::move(key));
    }
    if (parts.size() == 1) {
      keys.push_back(std::move(parts[0]));
    } else {
      CR_ASSIGN_OR_RETURN(Value key, runtime->List(std::move(parts)));
      keys.push_back(std::move(key));
    }
  }
  return keys;
}

// The stable order of the keys; reversed like Python, with equal ones kept in order.
absl::StatusOr<std::vector<size_t>> SortedOrder(Meter* meter, const Items& keys, bool is_reversed) {
  std::vector<size_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  absl::Status status;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (!status.ok() || meter->is_exhausted()) return false;
    meter->Spend(1);
    const absl::StatusOr<bool> is_less =
        is_reversed ? IsLess(meter, keys[b], keys[a]) : IsLess(meter, keys[a], keys[b]);
    if (!is_less.ok()) status = is_less.status();
    return is_less.ok() && *is_less;
  });
  if (!status.ok()) return status;
  return order;
}

Result Sort(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(
      const auto bound,
      BoundArguments::Bind("sort", arguments, {"reverse", "case_sensitive", "attribute"}));
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  std::vector<AttributePath> paths;
  if (!bound.IsNone(2) && bound.Get(2)->is_text()) {
    for (const std::string_view part : Split(bound.Get(2)->text(), ",", -1)) {
      const Value attribute = Value::OfText(std::string(part));
      paths.emplace_back(&attribute);
    }
  } else {
    paths.emplace_back(bound.Get(2));
  }
  CR_ASSIGN_OR_RETURN(const Items keys, KeysOf(runtime, items, paths, bound.True(1, false)));
  CR_ASSIGN_OR_RETURN(const auto order, SortedOrder(runtime->meter(), keys, bound.True(0, false)));
  Items sorted;
  for (const size_t i : order) sorted.push_back(items[i]);
  return runtime->List(std::move(sorted));
}

Result DictSort(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(
      const auto bound,
      BoundArguments::Bind("dictsort", arguments, {"case_sensitive", "by", "reverse"}));
  CR_ASSIGN_OR_RETURN(const std::string_view by, bound.Text(1, "key"));
  if (by != "key" && by != "value") {
    return EvaluationError("You can only sort by either \"key\" or \"value\"");
  }
  if (subject.is_undefined()) return subject.UndefinedError();
  if (!subject.is_mapping()) {
    return EvaluationError(absl::StrCat("dictsort needs a dict, not ", subject.type_name()));
  }
  const auto& entries = subject.mapping().entries;
  Items keys;
  for (const auto& [key, value] : entries) {
    Value sort_key = by == "key" ? key : value;
    if (!bound.True(0, false)) {
      CR_ASSIGN_OR_RETURN(sort_key, WithoutCase(runtime, sort_key));
    }
    keys.push_back(std::move(sort_key));
  }
  CR_ASSIGN_OR_RETURN(const auto order, SortedOrder(runtime->meter(), keys, bound.True(2, false)));
  Items sorted;
  for (const size_t i : order) {
    CR_ASSIGN_OR_RETURN(Value pair, runtime->Tuple({entries[i].first, entries[i].second}));
    sorted.push_back(std::move(pair));
  }
  return runtime->List(std::move(sorted));
}

Result Unique(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("unique", arguments, {"case_sensitive", "attribute"}));
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  CR_ASSIGN_OR_RETURN(const Items keys,
                      KeysOf(runtime, items, {AttributePath(bound.Get(1))}, bound.True(0, false)));
  MappingBuilder seen(runtime->meter());
  Items unique;
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t before = seen.size();
    CR_RETURN_IF_ERROR(seen.Set(keys[i], Value(None{})));
    CR_RETURN_IF_ERROR(runtime->meter()->Work());
    if (seen.size() > before) unique.push_back(items[i]);
  }
  return MakeIterator(runtime, std::move(unique));
}

template <bool kIsMax>
Result Extreme(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(
      const auto bound,
      BoundArguments::Bind(kIsMax ? "max" : "min", arguments, {"case_sensitive", "attribute"}));
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  if (items.empty()) return Value::OfUndefined("No aggregated item, sequence was empty.");
  CR_ASSIGN_OR_RETURN(const Items keys,
                      KeysOf(runtime, items, {AttributePath(bound.Get(1))}, bound.True(0, false)));
  size_t best = 0;
  for (size_t i = 1; i < items.size(); ++i) {
    CR_ASSIGN_OR_RETURN(const bool is_better,
                        kIsMax ? IsLess(runtime->meter(), keys[best], keys[i])
                               : IsLess(runtime->meter(), keys[i], keys[best]));
    if (is_better) best = i;
  }
  return items[best];
}

Result Sum(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("sum", arguments, {"attribute", "start"}));
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  const AttributePath path(bound.Get(0));
  Value sum = bound.Has(1) ? *bound.Get(1) : Value(int64_t{0});
  if (sum.is_text()) return EvaluationError("sum() can't sum strings");
  for (const Value& item : items) {
    CR_ASSIGN_OR_RETURN(const Value part, path.Of(runtime, item));
    CR_ASSIGN_OR_RETURN(sum, ApplyBinary(runtime->meter(), Operator::kAdd, sum, part));
  }
  return sum;
}

Result GroupBy(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(
      const auto bound,
      BoundArguments::Bind("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1));
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  const AttributePath path(bound.Get(0), bound.Get(1));
  CR_ASSIGN_OR_RETURN(const Items keys, KeysOf(runtime, items, {path}, bound.True(2, false)));
  CR_ASSIGN_OR_RETURN(const auto order, SortedOrder(runtime->meter(), keys, false));
  Items groups;
  for (size_t begin = 0; begin < order.size();) {
    Items members;
    size_t end = begin;
    while (end < order.size() && AreEqual(runtime->meter(), keys[order[begin]], keys[order[end]])) {
      members.push_back(items[order[end++]]);
    }
    if (end == begin) return runtime->meter()->Work();  // Exhausted.
    CR_ASSIGN_OR_RETURN(Value grouper, path.Of(runtime, members[0]));
    CR_ASSIGN_OR_RETURN(Value list, runtime->List(std::move(members)));
    CR_ASSIGN_OR_RETURN(
        Value group,
        MakeSequence(
            runtime->meter(), {std::move(grouper), std::move(list)}, SequenceKind::kGroup));
    groups.push_back(std::move(group));
    begin = end;
  }
  return runtime->List(std::move(groups));
}

Result JoinFilter(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("join", arguments, {"d", "attribute"}));
  Meter* const meter = runtime->meter();
  std::string separator;
  if (bound.Has(0)) {
    CR_ASSIGN_OR_RETURN(separator, ToText(meter, *bound.Get(0)));
  }
  const AttributePath path(bound.Get(1));
  CR_ASSIGN_OR_RETURN(const auto source, Iterate(meter, subject));
  std::string joined;
  Value item;
  for (bool is_first = true;; is_first = false) {
    CR_ASSIGN_OR_RETURN(const bool has_next, source->Next(&item));
    if (!has_next) return runtime->Text(std::move(joined));
    CR_ASSIGN_OR_RETURN(item, path.Of(runtime, std::move(item)));
    CR_ASSIGN_OR_RETURN(const std::string text, ToText(meter, item));
    if (!is_first) joined += separator;
    joined += text;
    CR_RETURN_IF_ERROR(meter->CheckText(joined.size()));
    CR_RETURN_IF_ERROR(meter->WorkOnBytes(text.size() + separator.size()));
  }
}

Result First(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("first", arguments, {}).status());
  CR_ASSIGN_OR_RETURN(const auto source, Iterate(runtime->meter(), subject));
  Value item;
  CR_ASSIGN_OR_RETURN(const bool has_next, source->Next(&item));
  return has_next ? item : Value::OfUndefined("No first item, sequence was empty.");
}

// The items of a value that Python's reversed() accepts.
absl::StatusOr<Items> ReversibleItems(Runtime* runtime, const Value& subject) {
  if (subject.is_object()) {
    return EvaluationError(absl::StrCat("'", subject.type_name(), "' object is not reversible"));
  }
  return CollectItems(runtime, subject);
}

Result Last(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("last", arguments, {}).status());
  CR_ASSIGN_OR_RETURN(const Items items, ReversibleItems(runtime, subject));
  return items.empty() ? Value::OfUndefined("No last item, sequence was empty.") : items.back();
}

Result Reverse(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("reverse", arguments, {}).status());
  if (subject.is_text()) {
    return GetSlice(runtime, subject, Value(None{}), Value(None{}), Value(int64_t{-1}));
  }
  CR_ASSIGN_OR_RETURN(Items items, CollectItems(runtime, subject));
  std::reverse(items.begin(), items.end());
  return subject.is_object() ? runtime->List(std::move(items))
                             : MakeIterator(runtime, std::move(items));
}

Result ToList(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("list", arguments, {}).status());
  CR_ASSIGN_OR_RETURN(Items items, CollectItems(runtime, subject));
  return runtime->List(std::move(items));
}

Result Entries(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_RETURN_IF_ERROR(BoundArguments::Bind("items", arguments, {}).status());
  if (subject.is_undefined()) return MakeIterator(runtime, {});
  if (!subject.is_mapping()) return EvaluationError("Can only get item pairs from a mapping.");
  CR_ASSIGN_OR_RETURN(const Value view, FindMethod(subject, "items")->call(runtime, subject, {}));
  return MakeIterator(runtime, view.items());
}

Result Batch(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("batch", arguments, {"linecount", "fill_with"}, 1));
  CR_ASSIGN_OR_RETURN(const int64_t size, bound.Integer(0, 1));
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  Items batches;
  for (size_t i = 0; i < items.size();) {
    // Because the first item is taken before the size is checked, a batch of size 0 never fills up.
    Items batch = {items[i++]};
    while (i < items.size() && (size < 1 || static_cast<int64_t>(batch.size()) < size)) {
      batch.push_back(items[i++]);
    }
    if (!bound.IsNone(1) && static_cast<int64_t>(batch.size()) < size) {
      CR_RETURN_IF_ERROR(
          runtime->meter()->CheckMemory(static_cast<uint64_t>(size) * sizeof(Value)));
      batch.resize(static_cast<size_t>(size), *bound.Get(1));
    }
    CR_ASSIGN_OR_RETURN(Value list, runtime->List(std::move(batch)));
    batches.push_back(std::move(list));
  }
  return MakeIterator(runtime, std::move(batches));
}

Result SliceFilter(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("slice", arguments, {"slices", "fill_with"}, 1));
  CR_ASSIGN_OR_RETURN(const int64_t count, bound.Integer(0, 1));
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  if (count == 0) return EvaluationError("integer division or modulo by zero");
  const auto size = static_cast<int64_t>(items.size());
  Items slices;
  auto next = items.begin();
  for (int64_t i = 0; i < count; ++i) {
    const bool has_extra = i < size % count;
    const int64_t length = size / count + (has_extra ? 1 : 0);
    Items slice(next, next + length);
    next += length;
    if (!bound.IsNone(1) && !has_extra) slice.push_back(*bound.Get(1));
    CR_ASSIGN_OR_RETURN(Value list, runtime->List(std::move(slice)));
    slices.push_back(std::move(list));
  }
  return MakeIterator(runtime, std::move(slices));
}

Result MapFilter(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  if (!IsTrue(subject)) return MakeIterator(runtime, {});
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  Items mapped;
  if (arguments.positional.empty() && arguments.Named("attribute") != nullptr) {
    CR_ASSIGN_OR_RETURN(const auto bound,
                        BoundArguments::Bind("map", arguments, {"attribute", "default"}));
    const AttributePath path(bound.Get(0), bound.Get(1));
    for (const Value& item : items) {
      CR_ASSIGN_OR_RETURN(Value value, path.Of(runtime, item));
      mapped.push_back(std::move(value));
    }
    return MakeIterator(runtime, std::move(mapped));
  }
  if (arguments.positional.empty() || !arguments.positional[0].is_text()) {
    return EvaluationError("map requires a filter argument");
  }
  const std::string& name = arguments.positional[0].text();
  const Filter* filter = FindFilter(name);
  if (filter == nullptr) return EvaluationError(absl::StrCat("no filter is named '", name, "'"));
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin());
  for (const Value& item : items) {
    const Runtime::Depth depth(runtime);
    CR_RETURN_IF_ERROR(depth.status());
    CR_ASSIGN_OR_RETURN(Value value, filter->apply(runtime, item, rest));
    mapped.push_back(std::move(value));
  }
  return MakeIterator(runtime, std::move(mapped));
}

// select, reject, selectattr, rejectattr.
template <bool kIsWanted, bool kHasAttribute>
Result Select(Runtime* runtime, const Value& subject, const Arguments& arguments) {
  if (!IsTrue(subject)) return MakeIterator(runtime, {});
  Arguments rest = arguments;
  std::optional<Value> attribute;
  if (kHasAttribute) {
    if (rest.positional.empty()) return EvaluationError("Missing parameter for attribute name");
    attribute = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
  }
  const Test* test = nullptr;
  if (!rest.positional.empty()) {
    const Value name = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
    test = name.is_text() ? FindTest(name.text()) : nullptr;
    if (test == nullptr) {
      CR_ASSIGN_OR_RETURN(const std::string text, Repr(runtime->meter(), name));
      return EvaluationError(absl::StrCat("no test is named ", text));
    }
  }
  const AttributePath path(attribute ? &*attribute : nullptr);
  CR_ASSIGN_OR_RETURN(const Items items, CollectItems(runtime, subject));
  Items selected;
  for (const Value& item : items) {
    CR_ASSIGN_OR_RETURN(const Value value, path.Of(runtime, item));
    bool is_true = IsTrue(value);
    if (test != nullptr) {
      CR_ASSIGN_OR_RETURN(is_true, test->apply(runtime, value, rest));
    }
    if (is_true == kIsWanted) selected.push_back(item);
  }
  return MakeIterator(runtime, std::move(selected));
}

constexpr Filter kFilters[] = {
    {"batch", Batch},
    {"dictsort", DictSort},
    {"first", First},
    {"groupby", GroupBy},
    {"items", Entries},
    {"join", JoinFilter},
    {"last", Last},
    {"list", ToList},
    {"map", MapFilter},
    {"max", Extreme<true>},
    {"min", Extreme<false>},
    {"reject", Select<false, false>},
    {"rejectattr", Select<false, true>},
    {"reverse", Reverse},
    {"select", Select<true, false>},
    {"selectattr", Select<true, true>},
    {"slice", SliceFilter},
    {"sort", Sort},
    {"sum", Sum},
    {"unique", Unique},
};

}  // namespace

const Filter* FindSequenceFilter(std::string_view name) {
  const auto* found = std::find_if(
      std::begin(kFilters), std::end(kFilters), [&](const Filter& f) { return name == f.name; });
  return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace convrec::jinja
