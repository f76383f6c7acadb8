#include "libs/jinja/iteration.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/python_text.h"

namespace convrec::jinja {
namespace {

class SequenceSource final : public ItemSource {
 public:
  explicit SequenceSource(Value value) : value_(std::move(value)) {}
  absl::StatusOr<bool> Next(Value* item) override {
    if (at_ == value_.items().size()) return false;
    *item = value_.items()[at_++];
    return true;
  }
  std::optional<int64_t> size() const override {
    return static_cast<int64_t>(value_.items().size());
  }

 private:
  const Value value_;
  size_t at_ = 0;
};

class KeySource final : public ItemSource {
 public:
  explicit KeySource(Value value) : value_(std::move(value)) {}
  absl::StatusOr<bool> Next(Value* item) override {
    if (at_ == value_.mapping().entries.size()) return false;
    *item = value_.mapping().entries[at_++].first;
    return true;
  }
  std::optional<int64_t> size() const override {
    return static_cast<int64_t>(value_.mapping().entries.size());
  }

 private:
  const Value value_;
  size_t at_ = 0;
};

class CharacterSource final : public ItemSource {
 public:
  CharacterSource(Meter* meter, Value value) : meter_(meter), value_(std::move(value)) {}
  absl::StatusOr<bool> Next(Value* item) override {
    const std::string_view rest = std::string_view(value_.text()).substr(at_);
    if (rest.empty()) return false;
    const size_t size = ByteOfCharacter(rest.substr(0, 5), 1);
    CR_ASSIGN_OR_RETURN(*item,
                        MakeText(meter_, std::string(rest.substr(0, size)), value_.is_markup()));
    at_ += size;
    return true;
  }
  std::optional<int64_t> size() const override {
    return static_cast<int64_t>(NumCharacters(value_.text()));
  }

 private:
  Meter* const meter_;
  const Value value_;
  size_t at_ = 0;
};

class EmptySource final : public ItemSource {
 public:
  absl::StatusOr<bool> Next(Value* /*item*/) override { return false; }
  std::optional<int64_t> size() const override { return 0; }
};

class IteratorSource final : public ItemSource {
 public:
  explicit IteratorSource(Iterator* iterator) : iterator_(iterator) {}
  absl::StatusOr<bool> Next(Value* item) override { return iterator_->Next(item); }

 private:
  Iterator* const iterator_;
};

class ListIterator final : public Iterator {
 public:
  explicit ListIterator(Value list) : source_(std::move(list)) {}
  absl::StatusOr<bool> Next(Value* item) override { return source_.Next(item); }

 private:
  SequenceSource source_;
};

Iterator* AsIterator(const Value& value) {
  return value.is_object() ? dynamic_cast<Iterator*>(value.object()) : nullptr;
}

}  // namespace

bool IsIterable(const Value& value) {
  return value.is_undefined() || value.is_text() || value.is_sequence() || value.is_mapping() ||
         AsIterator(value) != nullptr;
}

absl::StatusOr<std::unique_ptr<ItemSource>> Iterate(Meter* meter, const Value& value) {
  std::unique_ptr<ItemSource> source;
  if (value.is_undefined()) {
    source = std::make_unique<EmptySource>();
  } else if (value.is_sequence()) {
    source = std::make_unique<SequenceSource>(value);
  } else if (value.is_mapping()) {
    source = std::make_unique<KeySource>(value);
  } else if (value.is_text()) {
    source = std::make_unique<CharacterSource>(meter, value);
  } else if (Iterator* iterator = AsIterator(value)) {
    source = std::make_unique<IteratorSource>(iterator);
  } else {
    return EvaluationError(absl::StrCat("'", value.type_name(), "' object is not iterable"));
  }
  return source;
}

absl::StatusOr<std::vector<Value>> CollectItems(Runtime* runtime, const Value& value) {
  CR_ASSIGN_OR_RETURN(const auto source, Iterate(runtime->meter(), value));
  std::vector<Value> items;
  Value item;
  while (true) {
    CR_ASSIGN_OR_RETURN(const bool has_next, source->Next(&item));
    if (!has_next) return items;
    CR_RETURN_IF_ERROR(runtime->meter()->Work());
    CR_RETURN_IF_ERROR(runtime->meter()->CheckMemory(items.size() * sizeof(Value)));
    items.push_back(std::move(item));
  }
}

absl::StatusOr<int64_t> LengthOf(const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_text()) return static_cast<int64_t>(NumCharacters(value.text()));
  if (value.is_sequence()) return static_cast<int64_t>(value.items().size());
  if (value.is_mapping()) return static_cast<int64_t>(value.mapping().entries.size());
  return EvaluationError(absl::StrCat("object of type '", value.type_name(), "' has no len()"));
}

absl::StatusOr<Value> MakeIterator(Runtime* runtime, std::vector<Value> items) {
  CR_ASSIGN_OR_RETURN(Value list, runtime->List(std::move(items)));
  CR_ASSIGN_OR_RETURN(ListIterator* const iterator, runtime->New<ListIterator>(std::move(list)));
  return Value(iterator);
}

}  // namespace convrec::jinja
