#include "libs/jinja/value.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/jinja/comparison.h"
#include "libs/jinja/object.h"

namespace convrec::jinja {
namespace {

// From this size on, a mapping finds its keys by hash.
constexpr size_t kIndexedSize = 12;

uint64_t SizeOfItems(size_t count) { return 48 + count * sizeof(Value); }

absl::Status CheckDepth(int depth) {
  if (depth <= kMaxValueDepth) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("a value is nested deeper than ", kMaxValueDepth, " levels"));
}

}  // namespace

absl::Status EvaluationError(const std::string& message) {
  return absl::InvalidArgumentError(message);
}

Value Value::OfUndefined(std::string message) {
  Value value;
  value.data_ = Undefined{std::make_shared<const std::string>(std::move(message))};
  return value;
}

Value Value::OfText(std::string bytes) {
  auto text = std::make_shared<Text>();
  text->bytes = std::move(bytes);
  return Value(std::shared_ptr<const Text>(std::move(text)));
}

int Value::depth() const {
  if (is_sequence()) return sequence().depth;
  if (is_mapping()) return mapping().depth;
  return 0;
}

bool Value::IsSameAs(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::kText:
      return &text_value() == &other.text_value();
    case Kind::kSequence:
      return &sequence() == &other.sequence();
    case Kind::kMapping:
      return &mapping() == &other.mapping();
    case Kind::kObject:
      return object() == other.object();
    default:
      return AreEqual(nullptr, *this, other);
  }
}

absl::Status Value::UndefinedError() const {
  const auto& message = std::get<Undefined>(data_).message;
  return EvaluationError(message == nullptr ? "the value is undefined" : *message);
}

const char* Value::type_name() const {
  switch (kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kText:
      return is_markup() ? "Markup" : "str";
    case Kind::kMapping:
      return "dict";
    case Kind::kObject:
      return object()->type_name();
    case Kind::kSequence:
      break;
  }
  switch (sequence().kind) {
    case SequenceKind::kList:
      return "list";
    case SequenceKind::kTuple:
      return "tuple";
    case SequenceKind::kGroup:
      return "_GroupTuple";
    case SequenceKind::kRange:
      return "range";
    case SequenceKind::kKeys:
      return "dict_keys";
    case SequenceKind::kValues:
      return "dict_values";
    case SequenceKind::kItems:
      return "dict_items";
  }
  return "";
}

const Value* Mapping::Find(Meter* meter, const Value& key) const {
  if (places.empty()) {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
      return AreEqual(meter, entry.first, key);
    });
    return found == entries.end() ? nullptr : &found->second;
  }
  const auto [begin, end] = places.equal_range(HashOf(meter, key));
  for (auto it = begin; it != end; ++it) {
    if (AreEqual(meter, entries[it->second].first, key)) return &entries[it->second].second;
  }
  return nullptr;
}

const Value* Mapping::Find(std::string_view key) const {
  if (!places.empty()) return Find(nullptr, Value::OfText(std::string(key)));
  for (const Entry& entry : entries) {
    if (entry.first.is_text() && entry.first.text() == key) return &entry.second;
  }
  return nullptr;
}

absl::StatusOr<Value> MakeText(Meter* meter, std::string bytes, bool is_markup) {
  if (meter != nullptr) {
    if (absl::Status status = meter->CheckText(bytes.size()); !status.ok()) return status;
    if (absl::Status status = meter->WorkOnBytes(bytes.size()); !status.ok()) return status;
  }
  auto text = std::make_shared<Text>();
  text->held.Hold(meter, sizeof(Text) + bytes.capacity());
  text->bytes = std::move(bytes);
  text->is_markup = is_markup;
  return Value(std::shared_ptr<const Text>(std::move(text)));
}

absl::StatusOr<Value> MakeSequence(Meter* meter, std::vector<Value> items, SequenceKind kind) {
  auto sequence = std::make_shared<Sequence>();
  sequence->is_hashable = kind == SequenceKind::kTuple || kind == SequenceKind::kGroup;
  for (const Value& item : items) {
    sequence->depth = std::max(sequence->depth, item.depth() + 1);
    sequence->is_hashable = sequence->is_hashable && IsHashable(item);
  }
  if (absl::Status status = CheckDepth(sequence->depth); !status.ok()) return status;
  const uint64_t bytes = SizeOfItems(items.capacity());
  if (meter != nullptr) {
    if (absl::Status status = meter->CheckMemory(bytes); !status.ok()) return status;
    if (absl::Status status = meter->Work(1 + items.size()); !status.ok()) return status;
  }
  sequence->held.Hold(meter, bytes);
  sequence->kind = kind;
  sequence->items = std::move(items);
  return Value(std::shared_ptr<const Sequence>(std::move(sequence)));
}

void MappingBuilder::Add(Value key, Value value) {
  std::vector<Mapping::Entry>& entries = mapping_->entries;
  if (const Value* old = mapping_->Find(meter_, key)) {
    const auto found = std::find_if(
        entries.begin(), entries.end(), [&](const auto& entry) { return &entry.second == old; });
    found->second = std::move(value);
    return;
  }
  entries.emplace_back(std::move(key), std::move(value));
  if (entries.size() < kIndexedSize) return;
  const size_t first = mapping_->places.empty() ? 0 : entries.size() - 1;
  for (size_t i = first; i < entries.size(); ++i) {
    mapping_->places.emplace(HashOf(meter_, entries[i].first), static_cast<uint32_t>(i));
  }
}

absl::Status MappingBuilder::Set(Value key, Value value) {
  if (!IsHashable(key)) {
    return EvaluationError(absl::StrCat("unhashable type: '", key.type_name(), "'"));
  }
  Add(std::move(key), std::move(value));
  return absl::OkStatus();
}

void MappingBuilder::SetText(std::string key, Value value) {
  Add(Value::OfText(std::move(key)), std::move(value));
}

absl::StatusOr<Value> MappingBuilder::Build() {
  for (const Mapping::Entry& entry : mapping_->entries) {
    mapping_->depth =
        std::max({mapping_->depth, entry.first.depth() + 1, entry.second.depth() + 1});
  }
  if (absl::Status status = CheckDepth(mapping_->depth); !status.ok()) return status;
  const size_t size = mapping_->entries.size();
  const uint64_t bytes = SizeOfItems((size < kIndexedSize ? 2 : 4) * size);
  if (meter_ != nullptr) {
    if (absl::Status status = meter_->CheckMemory(bytes); !status.ok()) return status;
    if (absl::Status status = meter_->Work(1 + size); !status.ok()) return status;
  }
  mapping_->held.Hold(meter_, bytes);
  return Value(std::shared_ptr<const Mapping>(std::exchange(mapping_, nullptr)));
}

}  // namespace convrec::jinja
