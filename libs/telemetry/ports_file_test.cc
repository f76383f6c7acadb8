#include "libs/telemetry/ports_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/files.h"

namespace convrec::telemetry {
namespace {

using ::testing::HasSubstr;

class PortsFileTest : public ::testing::Test {
 protected:
  std::string folder() const { return base::JoinPath(directory_.path(), "ports"); }
  void Write(const std::string& text) {
    ASSERT_TRUE(base::MakeDirectories(folder()).ok());
    ASSERT_TRUE(base::WriteFileAtomically(base::JoinPath(folder(), "learner.json"), text).ok());
  }
  base::TemporaryDirectory directory_;
};

TEST_F(PortsFileTest, WhatIsWrittenIsRead) {
  ASSERT_TRUE(WritePortsFile(folder(),
                             "rollout-1",
                             {.role = "rollout", .metrics = 9464, .health = 50052, .pid = 77})
                  .ok());
  const auto ports = ReadPortsFile(folder(), "rollout-1");
  ASSERT_TRUE(ports.ok()) << ports.status();
  EXPECT_EQ(ports->role, "rollout");
  EXPECT_EQ(ports->grpc, 0);
  EXPECT_EQ(ports->metrics, 9464);
  EXPECT_EQ(ports->health, 50052);
  EXPECT_EQ(ports->pid, 77);
  EXPECT_EQ(*base::ReadFile(base::JoinPath(folder(), "rollout-1.json")),
            "{\"role\":\"rollout\",\"grpc\":0,\"metrics\":9464,\"health\":50052,\"pid\":77}\n");
}

TEST_F(PortsFileTest, MissingFileIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(ReadPortsFile(folder(), "learner").status()));
}

TEST_F(PortsFileTest, MalformedFileNamesTheField) {
  const struct {
    std::string text, message;
  } cases[] = {
      {"{\"role\":\"learner\",\"grpc\":", "is not valid JSON"},
      {"[]", "expected a JSON object"},
      {"{\"grpc\":1}", "field \"role\" is missing; expected text"},
      {"{\"role\":\"learner\",\"grpc\":70000}",
       "field \"grpc\" is 70000; expected a whole number from 0 to 65535"},
      {"{\"role\":\"learner\",\"grpc\":1,\"metrics\":-1}", "field \"metrics\" is -1; expected"},
      {"{\"role\":\"learner\",\"grpc\":1,\"metrics\":1,\"health\":\"x\"}",
       "field \"health\" is \"x\"; expected"},
      {"{\"role\":\"learner\",\"grpc\":1,\"metrics\":1,\"health\":1}",
       "field \"pid\" is missing; expected"},
  };
  for (const auto& c : cases) {
    Write(c.text);
    const absl::Status status = ReadPortsFile(folder(), "learner").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(status.message()), HasSubstr("learner.json"));
  }
}

}  // namespace
}  // namespace convrec::telemetry
