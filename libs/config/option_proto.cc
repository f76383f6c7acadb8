#include "libs/config/option_proto.h"

#include <string>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/config/option_fields.h"
#include "libs/config/option_names.h"
#include "libs/text/words.h"

namespace convrec::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

const FieldDescriptor* FieldOf(const Message& message, const char* key) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(key);
  CR_CHECK(field != nullptr, absl::StrCat(message.GetTypeName(), " has no field ", key));
  return field;
}

class Reader final {
 public:
  Reader(const Message& message, std::string prefix, std::optional<Violation>* violation)
      : message_(message),
        reflection_(message.GetReflection()),
        prefix_(std::move(prefix)),
        violation_(violation) {}

  void operator()(const char* key, int& value) {
    value = reflection_->GetInt32(message_, FieldOf(message_, key));
  }
  void operator()(const char* key, uint64_t& value) {
    value = reflection_->GetUInt64(message_, FieldOf(message_, key));
  }
  void operator()(const char* key, double& value) {
    value = reflection_->GetDouble(message_, FieldOf(message_, key));
  }
  void operator()(const char* key, bool& value) {
    value = reflection_->GetBool(message_, FieldOf(message_, key));
  }
  void operator()(const char* key, std::string& value) {
    value = reflection_->GetString(message_, FieldOf(message_, key));
  }
  void operator()(const char* key, absl::Duration& value) {
    value = absl::Seconds(reflection_->GetDouble(message_, FieldOf(message_, key)));
  }
  template <typename T>
  void operator()(const char* key, T& value) {
    if constexpr (std::is_enum_v<T>) {
      ReadName(key, value);
    } else {
      Reader inner(reflection_->GetMessage(message_, FieldOf(message_, key)),
                   absl::StrCat(prefix_, key, "."),
                   violation_);
      VisitFields(value, inner);
    }
  }

 private:
  template <typename Enum>
  void ReadName(const char* key, Enum& value) {
    const std::string name = reflection_->GetString(message_, FieldOf(message_, key));
    if (const std::optional<Enum> parsed = ParseName<Enum>(name)) {
      value = *parsed;
    } else if (!violation_->has_value()) {
      const std::string nearest = text::NearestWord(name, AllNames<Enum>());
      *violation_ = Violation{
          absl::StrCat(prefix_, key),
          absl::StrCat("is \"",
                       name,
                       "\": expected one of ",
                       absl::StrJoin(AllNames<Enum>(), ", "),
                       nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?"))};
    }
  }

  const Message& message_;
  const Reflection* const reflection_;
  const std::string prefix_;
  std::optional<Violation>* const violation_;
};

class Writer final {
 public:
  explicit Writer(Message* message) : message_(message), reflection_(message->GetReflection()) {}

  void operator()(const char* key, int& value) {
    reflection_->SetInt32(message_, FieldOf(*message_, key), value);
  }
  void operator()(const char* key, uint64_t& value) {
    reflection_->SetUInt64(message_, FieldOf(*message_, key), value);
  }
  void operator()(const char* key, double& value) {
    reflection_->SetDouble(message_, FieldOf(*message_, key), value);
  }
  void operator()(const char* key, bool& value) {
    reflection_->SetBool(message_, FieldOf(*message_, key), value);
  }
  void operator()(const char* key, std::string& value) {
    reflection_->SetString(message_, FieldOf(*message_, key), value);
  }
  void operator()(const char* key, absl::Duration& value) {
    reflection_->SetDouble(message_, FieldOf(*message_, key), absl::ToDoubleSeconds(value));
  }
  template <typename T>
  void operator()(const char* key, T& value) {
    if constexpr (std::is_enum_v<T>) {
      reflection_->SetString(message_, FieldOf(*message_, key), NameOf(value));
    } else {
      Writer inner(reflection_->MutableMessage(message_, FieldOf(*message_, key)));
      VisitFields(value, inner);
    }
  }

 private:
  Message* const message_;
  const Reflection* const reflection_;
};

}  // namespace

std::optional<Violation> FromProto(const v1::RunConfig& config, RunOptions* options) {
  std::optional<Violation> violation;
  Reader reader(config, "", &violation);
  VisitFields(*options, reader);
  return violation;
}

v1::RunConfig ToProto(const RunOptions& options) {
  v1::RunConfig config;
  RunOptions copy =
      options;  // VisitFields serves reading and writing, so it wants a mutable value.
  Writer writer(&config);
  VisitFields(copy, writer);
  return config;
}

}  // namespace convrec::config
