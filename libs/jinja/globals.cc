#include "libs/jinja/globals.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/base/status_macros.h"
#include "libs/jinja/arguments.h"
#include "libs/jinja/iteration.h"
#include "libs/jinja/namespace.h"
#include "libs/jinja/printing.h"

namespace convrec::jinja {
namespace {

using Result = absl::StatusOr<Value>;
using Function = Result (*)(Runtime* runtime, const Arguments& arguments);

constexpr int64_t kMaxRange = 100'000;  // As in jinja2's sandbox.

class BuiltinFunction final : public Object {
 public:
  explicit BuiltinFunction(Function function) : function_(function) {}
  const char* type_name() const override { return "function"; }
  bool is_callable() const override { return true; }
  absl::StatusOr<Value> Call(Runtime* runtime, Arguments arguments) override {
    return function_(runtime, arguments);
  }

 private:
  const Function function_;
};

// A method of one of the objects below.
template <typename T>
class ObjectMethod final : public Object {
 public:
  using Member = Result (T::*)(Runtime* runtime, const Arguments& arguments);
  ObjectMethod(T* self, Member member) : self_(self), member_(member) {}
  const char* type_name() const override { return "method"; }
  bool is_callable() const override { return true; }
  absl::StatusOr<Value> Call(Runtime* runtime, Arguments arguments) override {
    return (self_->*member_)(runtime, arguments);
  }

 private:
  T* const self_;
  const Member member_;
};

class Cycler final : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  const char* type_name() const override { return "Cycler"; }

  Result Next(Runtime* /*runtime*/, const Arguments& /*arguments*/) {
    const Value& item = items_[at_];
    at_ = (at_ + 1) % items_.size();
    return item;
  }
  Result Reset(Runtime* /*runtime*/, const Arguments& /*arguments*/) {
    at_ = 0;
    return Value(None{});
  }
  absl::StatusOr<Value> Attribute(Runtime* runtime, std::string_view name) override {
    if (name == "current") return items_[at_];
    if (name != "next" && name != "reset") return Value();
    CR_ASSIGN_OR_RETURN(
        auto* const method,
        runtime->New<ObjectMethod<Cycler>>(this, name == "next" ? &Cycler::Next : &Cycler::Reset));
    return Value(method);
  }

 private:
  const std::vector<Value> items_;
  size_t at_ = 0;
};

class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  const char* type_name() const override { return "Joiner"; }
  bool is_callable() const override { return true; }
  absl::StatusOr<Value> Call(Runtime* /*runtime*/, Arguments /*arguments*/) override {
    return std::exchange(is_used_, true) ? separator_ : Value::OfText("");
  }

 private:
  const Value separator_;
  bool is_used_ = false;
};

Result Range(Runtime* runtime, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("range", arguments, {"start", "stop", "step"}, 1));
  CR_ASSIGN_OR_RETURN(int64_t begin, bound.Integer(0, 0));
  CR_ASSIGN_OR_RETURN(int64_t end, bound.Integer(1, 0));
  CR_ASSIGN_OR_RETURN(const int64_t step, bound.Integer(2, 1));
  if (!bound.Has(1)) end = std::exchange(begin, 0);
  if (step == 0) return EvaluationError("range() arg 3 must not be zero");
  std::vector<Value> items;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    if (static_cast<int64_t>(items.size()) == kMaxRange) {
      return EvaluationError(
          absl::StrCat("Range too big. Ranges of more than ", kMaxRange, " items are refused"));
    }
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  auto range = std::make_shared<Sequence>();
  range->kind = SequenceKind::kRange;
  range->is_hashable = true;
  range->label = step == 1 ? absl::StrCat("range(", begin, ", ", end, ")")
                           : absl::StrCat("range(", begin, ", ", end, ", ", step, ")");
  const uint64_t bytes = items.size() * sizeof(Value);
  CR_RETURN_IF_ERROR(runtime->meter()->CheckMemory(bytes));
  CR_RETURN_IF_ERROR(runtime->meter()->Work(items.size()));
  range->held.Hold(runtime->meter(), bytes);
  range->items = std::move(items);
  return Value(std::shared_ptr<const Sequence>(std::move(range)));
}

// The entries that dict() and namespace() accept: a mapping or pairs, and named arguments.
absl::Status AddEntries(Runtime* runtime, const Arguments& arguments, MappingBuilder* entries) {
  if (arguments.positional.size() > 1) {
    return EvaluationError("dict expected at most 1 argument");
  }
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is_mapping()) {
      for (const auto& [key, value] : source.mapping().entries) {
        CR_RETURN_IF_ERROR(entries->Set(key, value));
      }
    } else {
      CR_ASSIGN_OR_RETURN(const auto pairs, CollectItems(runtime, source));
      for (const Value& pair : pairs) {
        CR_ASSIGN_OR_RETURN(const auto parts, CollectItems(runtime, pair));
        if (parts.size() != 2) return EvaluationError("a dict is made of pairs");
        CR_RETURN_IF_ERROR(entries->Set(parts[0], parts[1]));
      }
    }
  }
  for (const auto& [name, value] : arguments.named) entries->SetText(name, value);
  return absl::OkStatus();
}

Result Dict(Runtime* runtime, const Arguments& arguments) {
  MappingBuilder entries(runtime->meter());
  CR_RETURN_IF_ERROR(AddEntries(runtime, arguments, &entries));
  return entries.Build();
}

Result MakeNamespace(Runtime* runtime, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const Value entries, Dict(runtime, arguments));
  CR_ASSIGN_OR_RETURN(Namespace* const result, runtime->New<Namespace>(runtime->meter()));
  for (const auto& [key, value] : entries.mapping().entries) {
    if (!key.is_text()) return EvaluationError("the attributes of a namespace have names");
    CR_RETURN_IF_ERROR(result->Set(key.text(), value));
  }
  return Value(result);
}

Result MakeCycler(Runtime* runtime, const Arguments& arguments) {
  if (arguments.positional.empty()) {
    return EvaluationError("at least one item has to be provided");
  }
  CR_ASSIGN_OR_RETURN(const Value items, runtime->List(arguments.positional));
  CR_ASSIGN_OR_RETURN(Cycler* const cycler, runtime->New<Cycler>(items.items()));
  return Value(cycler);
}

Result MakeJoiner(Runtime* runtime, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound, BoundArguments::Bind("joiner", arguments, {"sep"}));
  CR_ASSIGN_OR_RETURN(Joiner* const joiner,
                      runtime->New<Joiner>(bound.Has(0) ? *bound.Get(0) : Value::OfText(", ")));
  return Value(joiner);
}

Result RaiseException(Runtime* runtime, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("raise_exception", arguments, {"message"}, 1));
  CR_ASSIGN_OR_RETURN(const std::string message, ToText(runtime->meter(), *bound.Get(0)));
  return EvaluationError(absl::StrCat("the template refuses the chat: ", message));
}

Result StrftimeNow(Runtime* runtime, const Arguments& arguments) {
  CR_ASSIGN_OR_RETURN(const auto bound,
                      BoundArguments::Bind("strftime_now", arguments, {"format"}, 1));
  CR_ASSIGN_OR_RETURN(const std::string_view format, bound.Text(0, ""));
  CR_RETURN_IF_ERROR(runtime->meter()->CheckText(16 * format.size()));
  const absl::CivilSecond now = runtime->now();
  std::tm time{};
  time.tm_year = static_cast<int>(now.year() - 1900);
  time.tm_mon = now.month() - 1;
  time.tm_mday = now.day();
  time.tm_hour = now.hour();
  time.tm_min = now.minute();
  time.tm_sec = now.second();
  // Sunday is 0 here, Monday there.
  time.tm_wday = (static_cast<int>(absl::GetWeekday(now)) + 1) % 7;
  time.tm_yday = absl::GetYearDay(now) - 1;
  // One more character, to distinguish an empty result from a buffer that is too small.
  const std::string padded = std::string(format) + "|";
  std::vector<char> buffer(64 + 16 * padded.size());
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const size_t size = std::strftime(buffer.data(), buffer.size(), padded.c_str(), &time);
#pragma GCC diagnostic pop
  if (size == 0) return EvaluationError("the result of strftime_now is too long");
  return runtime->Text(std::string(buffer.data(), size - 1));
}

struct Global {
  const char* name;
  Function function;
};

constexpr Global kGlobals[] = {
    {"cycler", MakeCycler},
    {"dict", Dict},
    {"joiner", MakeJoiner},
    {"namespace", MakeNamespace},
    {"raise_exception", RaiseException},
    {"range", Range},
    {"strftime_now", StrftimeNow},
};

const Global* Find(std::string_view name) {
  const auto* found = std::find_if(
      std::begin(kGlobals), std::end(kGlobals), [&](const Global& g) { return name == g.name; });
  return found == std::end(kGlobals) ? nullptr : found;
}

}  // namespace

bool IsGlobalName(std::string_view name) { return Find(name) != nullptr; }

absl::StatusOr<Value> MakeGlobal(Runtime* runtime, std::string_view name) {
  const Global* global = Find(name);
  if (global == nullptr) return Value();
  CR_ASSIGN_OR_RETURN(BuiltinFunction* const function,
                      runtime->New<BuiltinFunction>(global->function));
  return Value(function);
}

}  // namespace convrec::jinja
