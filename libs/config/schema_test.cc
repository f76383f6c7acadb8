// proto/config.proto, configs/defaults.yaml and run_options.h describe the same keys.
#include <gtest/gtest.h>

#include <functional>

#include "libs/config/embedded_defaults.h"
#include "libs/config/load.h"
#include "libs/config/option_names.h"
#include "libs/config/option_proto.h"
#include "libs/config/yaml_comments.h"
#include "libs/config/yaml_merge.h"

namespace convrec::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Calls visit(key, field, message that holds it) for every field of the schema.
void Walk(Message* message,
          const std::string& prefix,
          const std::function<void(const std::string&, const FieldDescriptor*, Message*)>& visit) {
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->field(i);
    const std::string key = prefix + field->name();
    visit(key, field, message);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Walk(message->GetReflection()->MutableMessage(message, field), key + ".", visit);
    }
  }
}

v1::RunConfig Defaults() {
  v1::RunConfig config;
  Origins origins;
  EXPECT_TRUE(MergeYaml(kDefaultsYaml, "configs/defaults.yaml", "", &config, &origins).ok());
  return config;
}

std::vector<std::string> TextCandidates() {
  std::vector<std::string> candidates = {"other"};
  const auto add = [&candidates](const std::vector<std::string>& names) {
    candidates.insert(candidates.end(), names.begin(), names.end());
  };
  add(AllNames<Compat>()), add(AllNames<ChatFormat>()), add(AllNames<WireType>()),
      add(AllNames<ComputeType>()), add(AllNames<SwapMode>()), add(AllNames<SftTargets>());
  add(AllNames<PromptKeep>()), add(AllNames<RewardRule>()), add(AllNames<EvaluationCut>()),
      add(AllNames<FuzzyMatching>()), add(AllNames<RatioUnit>());
  add(AllNames<AdvantageUnit>()), add(AllNames<LossType>()), add(AllNames<StdDivisor>()),
      add(AllNames<ScheduleKind>());
  add(AllNames<Method>());
  add(AllNames<ListReward>());
  add(AllNames<KlEstimator>());
  add(AllNames<Correction>());
  add(AllNames<CorrectionUnit>());
  add(AllNames<CorrectionPooling>());
  return candidates;
}

// Gives `field` a value that differs from the one it has.
void Change(const v1::RunConfig& config, const FieldDescriptor* field, Message* message) {
  const Reflection* reflection = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection->SetInt32(message, field, reflection->GetInt32(*message, field) + 1);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection->SetUInt64(message, field, reflection->GetUInt64(*message, field) + 1);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->SetDouble(message, field, reflection->GetDouble(*message, field) + 0.5);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->SetBool(message, field, !reflection->GetBool(*message, field));
    default:
      break;
  }
  const std::string before = reflection->GetString(*message, field);
  for (const std::string& candidate : TextCandidates()) {
    RunOptions options;
    reflection->SetString(message, field, candidate);
    if (candidate != before && !FromProto(config, &options)) return;
  }
  ADD_FAILURE() << field->full_name() << " takes no other value";
}

TEST(SchemaTest, DefaultsHoldEveryKeyWithAComment) {
  v1::RunConfig config = Defaults();
  v1::RunConfig schema;
  const auto comments = ReadComments(kDefaultsYaml);
  int num_keys = 0;
  Walk(&schema, "", [&](const std::string& key, const FieldDescriptor*, Message*) {
    const auto comment = comments.find(key);
    EXPECT_TRUE(comment != comments.end() && !comment->second.empty())
        << key << " has no comment in configs/defaults.yaml";
    ++num_keys;
  });
  EXPECT_EQ(static_cast<size_t>(num_keys), comments.size());
  Walk(&config, "", [&](const std::string& key, const FieldDescriptor* field, Message* message) {
    EXPECT_TRUE(message->GetReflection()->HasField(*message, field))
        << key << " is not set in configs/defaults.yaml";
  });
}

TEST(SchemaTest, EveryFieldTracksPresence) {
  v1::RunConfig schema;
  Walk(&schema, "", [](const std::string& key, const FieldDescriptor* field, Message*) {
    EXPECT_TRUE(field->has_presence())
        << key << " needs \"optional\", or zero and absent are the same";
  });
}

TEST(SchemaTest, EveryFieldReachesRunOptions) {
  v1::RunConfig schema;
  Walk(&schema, "", [](const std::string& key, const FieldDescriptor* field, Message*) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return;
    v1::RunConfig config = Defaults();
    Walk(&config, "", [&](const std::string& other, const FieldDescriptor*, Message* message) {
      if (other == key) Change(config, field, message);
    });
    RunOptions options;
    ASSERT_FALSE(FromProto(config, &options)) << key;
    EXPECT_EQ(ToProto(options).DebugString(), config.DebugString())
        << key << " is lost in option_fields.h";
  });
}

TEST(SchemaTest, RunOptionsSetEveryField) {
  v1::RunConfig config = ToProto(RunOptions());
  Walk(&config, "", [](const std::string& key, const FieldDescriptor* field, Message* message) {
    EXPECT_TRUE(message->GetReflection()->HasField(*message, field)) << key;
  });
}

}  // namespace
}  // namespace convrec::config
