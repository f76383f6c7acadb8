// A value that a template computes with, as Python would have it.
//
// Texts, sequences and mappings never change once created, so values share them and copies are
// cheap. Things that can change (namespaces, loops) are Objects, which belong to the rendering that
// created them. A value must not outlive the Meter that counted it or the rendering that owns an
// Object in it. Immutable except for Objects; not thread-safe together with its Meter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/jinja/meter.h"

namespace convrec::jinja {

class Value;
class Object;

// Counts bytes for as long as they exist. No meter = not counted.
class HeldBytes final {
 public:
  HeldBytes() = default;
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;
  ~HeldBytes() {
    if (meter_ != nullptr) meter_->Release(bytes_);
  }
  // Once.
  void Hold(Meter* meter, uint64_t bytes) {
    meter_ = meter;
    bytes_ = bytes;
    if (meter_ != nullptr) meter_->Hold(bytes_);
  }

 private:
  Meter* meter_ = nullptr;
  uint64_t bytes_ = 0;
};

struct Text {
  std::string bytes;  // Valid UTF-8.
  // Created by `safe` or `escape`; texts that are added to it are escaped for HTML.
  bool is_markup = false;
  HeldBytes held;
};

enum class SequenceKind { kList, kTuple, kGroup, kRange, kKeys, kValues, kItems };

struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  std::vector<Value> items;
  int depth = 1;  // 1 + the depth of its deepest item.
  bool is_hashable = false;
  std::string label;  // What a range prints, as in "range(0, 3)".
  HeldBytes held;
};

struct Mapping {
  using Entry = std::pair<Value, Value>;
  std::vector<Entry> entries;                          // In the order of their first assignment.
  std::unordered_multimap<uint64_t, uint32_t> places;  // By hash; empty in small mappings.
  int depth = 1;
  HeldBytes held;

  // nullptr when the key is missing. `key` must be hashable.
  const Value* Find(Meter* meter, const Value& key) const;
  const Value* Find(std::string_view key) const;
};

struct Undefined {
  std::shared_ptr<const std::string> message;  // Why it is undefined; nullptr = unknown.
};
struct None {};

// Values nested deeper than this are refused, so that recursion over them cannot overflow the
// stack.
inline constexpr int kMaxValueDepth = 200;

class Value final {
 public:
  // In the order of the variant's alternatives.
  enum class Kind { kUndefined, kNone, kBool, kInt, kFloat, kText, kSequence, kMapping, kObject };

  Value() = default;  // Undefined.
  explicit Value(None) : data_(None{}) {}
  explicit Value(bool value) : data_(value) {}
  explicit Value(int64_t value) : data_(value) {}
  explicit Value(double value) : data_(value) {}
  explicit Value(std::shared_ptr<const Text> text) : data_(std::move(text)) {}
  explicit Value(std::shared_ptr<const Sequence> sequence) : data_(std::move(sequence)) {}
  explicit Value(std::shared_ptr<const Mapping> mapping) : data_(std::move(mapping)) {}
  explicit Value(Object* object) : data_(object) {}

  static Value OfUndefined(std::string message);
  // A text that no meter counts: a constant of a template or an argument of a rendering.
  static Value OfText(std::string bytes);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_undefined() const { return kind() == Kind::kUndefined; }
  bool is_none() const { return kind() == Kind::kNone; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_int() const { return kind() == Kind::kInt; }
  bool is_float() const { return kind() == Kind::kFloat; }
  bool is_text() const { return kind() == Kind::kText; }
  bool is_sequence() const { return kind() == Kind::kSequence; }
  bool is_mapping() const { return kind() == Kind::kMapping; }
  bool is_object() const { return kind() == Kind::kObject; }
  bool is_sequence(SequenceKind sequence_kind) const {
    return is_sequence() && sequence().kind == sequence_kind;
  }
  bool is_list() const { return is_sequence(SequenceKind::kList); }
  bool is_tuple() const {
    return is_sequence(SequenceKind::kTuple) || is_sequence(SequenceKind::kGroup);
  }
  // Python's `int`, of which bool is a subtype.
  bool is_integral() const { return is_int() || is_bool(); }
  bool is_number() const { return is_integral() || is_float(); }
  bool is_markup() const { return is_text() && text_value().is_markup; }

  bool bool_value() const { return std::get<bool>(data_); }
  // For ints and bools.
  int64_t int_value() const { return is_bool() ? int64_t{bool_value()} : std::get<int64_t>(data_); }
  // For all numbers.
  double float_value() const {
    return is_float() ? std::get<double>(data_) : static_cast<double>(int_value());
  }
  const Text& text_value() const { return *std::get<std::shared_ptr<const Text>>(data_); }
  const std::string& text() const { return text_value().bytes; }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(data_); }
  const std::vector<Value>& items() const { return sequence().items; }
  const Mapping& mapping() const { return *std::get<std::shared_ptr<const Mapping>>(data_); }
  Object* object() const { return std::get<Object*>(data_); }

  int depth() const;
  // Whether both are the same object in memory, like Python's `is`.
  bool IsSameAs(const Value& other) const;
  // The error for using this value, which must be undefined.
  absl::Status UndefinedError() const;
  // Its type as Python calls it, such as "str".
  const char* type_name() const;

 private:
  std::variant<Undefined,
               None,
               bool,
               int64_t,
               double,
               std::shared_ptr<const Text>,
               std::shared_ptr<const Sequence>,
               std::shared_ptr<const Mapping>,
               Object*>
      data_;
};

// InvalidArgument, where Python raises a TypeError, a ValueError or a similar exception.
absl::Status EvaluationError(const std::string& message);

// Creates values and counts them. ResourceExhausted when they exceed the limits.
absl::StatusOr<Value> MakeText(Meter* meter, std::string bytes, bool is_markup = false);
absl::StatusOr<Value> MakeSequence(Meter* meter,
                                   std::vector<Value> items,
                                   SequenceKind kind = SequenceKind::kList);

// Collects the entries of a mapping; a key that is set again keeps its place.
class MappingBuilder final {
 public:
  explicit MappingBuilder(Meter* meter) : meter_(meter) {}

  // EvaluationError when the key is not hashable.
  absl::Status Set(Value key, Value value);
  void SetText(std::string key, Value value);
  size_t size() const { return mapping_->entries.size(); }
  // Once.
  absl::StatusOr<Value> Build();

 private:
  void Add(Value key, Value value);

  Meter* const meter_;
  std::shared_ptr<Mapping> mapping_ = std::make_shared<Mapping>();
};

}  // namespace convrec::jinja
