// What a run leaves is served as it was trained: the lists of `convrec serve` and `convrec
// generate` are those of the run's own evaluation.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "tests/support/job.h"
#include "tests/support/paths.h"
#include "tests/support/served_model.h"

namespace convrec::testing {
namespace {

using nlohmann::json;

constexpr absl::Duration kLong = absl::Minutes(5);

// One short run of supervised learning for all tests.
const Job& TrainedJob() {
  static const Job* const kJob = [] {
    auto* job = new Job({"learner.sft.steps=150",
                         "learner.steps=0",
                         "evaluation.samples=30",
                         "data.instruction=\"Name {num_items} films.\\n{conversation}\\n\""});
    job->StartReward();
    job->StartLearner();
    job->StartWorker("rollout-1");
    EXPECT_EQ(job->WaitForEnd("learner", kLong).code, 0) << job->LogText("learner");
    EXPECT_EQ(job->WaitForEnd("rollout-1", kLong).code, 0) << job->LogText("rollout-1");
    return job;
  }();
  return *kJob;
}

std::string TrainedModel() { return base::JoinPath(TrainedJob().run_dir(), "model"); }

// The turns of the test conversations as a client's messages, by the id of the row.
std::map<std::string, json> TestConversations() {
  const auto text = base::ReadFile(base::JoinPath(SampleWorldDirectory(), "test.jsonl"));
  EXPECT_TRUE(text.ok()) << text.status();
  std::map<std::string, json> conversations;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(*text, '\n'))) {
    if (line.empty()) continue;
    const json row = json::parse(line);
    json messages = json::array();
    for (const json& turn : row["context"])
      messages.push_back({{"role", turn["role"]}, {"content", turn["text"]}});
    conversations[row["id"]] = messages;
  }
  return conversations;
}

std::vector<std::string> EvaluatedLines(const report::SampleList& sample) {
  std::vector<std::string> lines;
  for (const report::SampleLine& line : sample.lines) lines.push_back(line.text);
  return lines;
}

std::vector<std::string> ServedLines(const ServedModel& server, const json& messages) {
  const json answer = server.PostOk(
      "/v1/chat/completions",
      {{"model", "model"}, {"messages", messages}, {"temperature", 0}, {"logprobs", true}});
  const json& choice = answer["choices"][0];
  const std::string text = choice["message"]["content"];
  std::string tokens;
  for (const json& token : choice["logprobs"]["content"]) tokens += token["token"];
  EXPECT_EQ(tokens, text);
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

TEST(ServedPromptTest, AServedGreedyListIsTheEvaluatedOne) {
  const std::map<std::string, json> conversations = TestConversations();
  const report::RunLog log = TrainedJob().Log();
  ASSERT_FALSE(log.samples.empty());
  const std::vector<report::SampleList>& samples = log.samples.back().samples;
  ASSERT_EQ(samples.size(), 30u);
  const ServedModel server(TrainedModel(), {"--compute", "float32"});
  const ServedModel raw(TrainedModel(), {"--compute", "float32", "--raw"});
  int num_raw_equal = 0;
  for (const report::SampleList& sample : samples) {
    const json& messages = conversations.at(sample.id);
    EXPECT_EQ(ServedLines(server, messages), EvaluatedLines(sample)) << sample.conversation;
    num_raw_equal += ServedLines(raw, messages) == EvaluatedLines(sample);
  }
  EXPECT_LT(num_raw_equal, 15) << "the instruction makes no difference to what is compared";
}

// The lines of a document that run `convrec generate` over a run's model.
std::vector<std::string> CommandsOf(const std::string& document) {
  std::vector<std::string> commands;
  const auto text = base::ReadFile(SourcePath(document));
  EXPECT_TRUE(text.ok()) << text.status();
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(*text, '\n'))) {
    if (absl::StartsWith(line, "convrec generate --model runs/first/model --prompt"))
      commands.push_back(line.substr(0, line.find("  ")));
  }
  return commands;
}

TEST(ServedPromptTest, TheExamplesOfTheDocumentsAnswerWithLists) {
  const std::regex numbered(R"(\d+\. .+ \(\d{4}\))");
  for (const char* document : {"README.md", "docs/serving.md"}) {
    const std::vector<std::string> commands = CommandsOf(document);
    EXPECT_FALSE(commands.empty()) << document;
    for (const std::string& command : commands) {
      const std::string here =
          absl::StrReplaceAll(command,
                              {{"convrec generate", Binary("convrec") + " generate"},
                               {"runs/first", TrainedJob().run_dir()}});
      const CommandResult result = RunCommand({"/bin/sh", "-c", here + " --seed 1"}, kLong);
      EXPECT_EQ(result.exit.code, 0) << result.output;
      int num_titles = 0;
      for (const std::string& line : std::vector<std::string>(absl::StrSplit(result.output, '\n')))
        num_titles += std::regex_match(line, numbered);
      EXPECT_GE(num_titles, 15) << here << "\n" << result.output;
    }
  }
}

TEST(ServedPromptTest, EveryDirectoryOfARunCarriesItsPrompt) {
  const auto of_model = base::ReadFile(base::JoinPath(TrainedModel(), "convrec.json"));
  ASSERT_TRUE(of_model.ok()) << of_model.status();
  EXPECT_EQ(json::parse(*of_model)["instruction"], "Name {num_items} films.\n{conversation}\n");
  const base::TemporaryDirectory folder;
  const std::string exported = base::JoinPath(folder.path(), "mine");
  const CommandResult result =
      RunCommand({Binary("convrec"), "export", TrainedJob().run_dir(), exported}, kLong);
  EXPECT_EQ(result.exit.code, 0) << result.output;
  EXPECT_EQ(base::ReadFile(base::JoinPath(exported, "convrec.json")).value_or(""), *of_model);
}

TEST(ServedPromptTest, ADamagedPromptFileIsNamed) {
  const base::TemporaryDirectory folder;
  const std::string copy = base::JoinPath(folder.path(), "model");
  ASSERT_EQ(RunCommand({"/bin/cp", "-r", TrainedModel(), copy}, kLong).exit.code, 0);
  const std::string file = base::JoinPath(copy, "convrec.json");
  ASSERT_TRUE(base::WriteFileAtomically(file, "{\"format_version\": 1").ok());
  const CommandResult result =
      RunCommand({Binary("convrec"), "generate", "--model", copy, "--prompt", "x"}, kLong);
  EXPECT_EQ(result.exit.code, 65) << result.output;
  EXPECT_NE(result.output.find(file + " is damaged"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace convrec::testing
