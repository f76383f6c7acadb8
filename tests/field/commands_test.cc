// What the commands say of model directories that users name by mistake, and their exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/enum_names.h"
#include "libs/base/files.h"
#include "tests/support/job.h"
#include "tests/support/paths.h"

namespace convrec::testing {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kShort = absl::Seconds(60);

std::string FieldPath(const std::string& name) { return SourcePath("tests/field/" + name); }

class FieldCommandsTest : public ::testing::Test {
 protected:
  FieldCommandsTest() {
    std::string catalog, rows;
    for (int i = 0; i < 25; ++i) {
      absl::StrAppend(&catalog, "{\"title\": \"Film ", i, "\", \"year\": ", 1970 + i, "}\n");
      absl::StrAppend(&rows,
                      "{\"id\": \"r",
                      i,
                      "\", \"context\": [{\"role\": \"user\", \"text\": \"I liked Film ",
                      i,
                      ".\"}], \"groundtruth\": [{\"title\": \"Film 1\", \"year\": 1971}]}\n");
    }
    EXPECT_TRUE(base::WriteFileAtomically(catalog_, catalog).ok());
    EXPECT_TRUE(base::WriteFileAtomically(rows_, rows).ok());
  }

  // A verb of convrec on the user's own catalog and rows, with a model.
  CommandResult Run(const std::vector<std::string>& verb, const std::string& model) const {
    std::vector<std::string> command = {Binary("convrec")};
    command.insert(command.end(), verb.begin(), verb.end());
    return RunOnOwnFiles(std::move(command), model);
  }

  // A command with the settings that name the user's own files and a model.
  CommandResult RunOnOwnFiles(std::vector<std::string> command, const std::string& model) const {
    for (const std::string& override : {"model.path=" + model,
                                        "data.catalog=" + catalog_,
                                        "data.sft.path=" + rows_,
                                        "data.train.path=" + rows_,
                                        "data.validation.path=" + rows_,
                                        "data.test.path=" + rows_,
                                        "run_dir=" + run_dir_}) {
      command.push_back(override);
    }
    return RunCommand(command, kShort);
  }

  // `doctor`, `train --dry-run` and `train` find the same, and nothing has been started.
  void ExpectRefusedAtStart(const std::string& model, int code, const std::string& part) const {
    for (const std::vector<std::string>& verb :
         std::vector<std::vector<std::string>>{{"doctor"}, {"train", "--dry-run"}, {"train"}}) {
      const CommandResult result = Run(verb, model);
      EXPECT_EQ(result.exit.code, code) << verb.back() << ": " << result.output;
      EXPECT_THAT(result.output, HasSubstr(part)) << verb.back();
    }
    EXPECT_FALSE(base::FileExists(run_dir_));
  }

  const base::TemporaryDirectory directory_;
  const std::string catalog_ = base::JoinPath(directory_.path(), "catalog.jsonl");
  const std::string rows_ = base::JoinPath(directory_.path(), "rows.jsonl");
  const std::string run_dir_ = base::JoinPath(directory_.path(), "run");
};

TEST_F(FieldCommandsTest, ATokenBeyondTheEmbeddingEndsTheFirstSecond) {
  ExpectRefusedAtStart(FieldPath("models/extra_token"), 65, "token 259 '<|pad|>' is beyond");
}

TEST_F(FieldCommandsTest, ServicesStartedAloneSayTheSame) {
  for (const char* service : {"convrec-learner", "convrec-rollout"}) {
    const CommandResult result = RunOnOwnFiles({Binary(service)}, FieldPath("models/extra_token"));
    EXPECT_EQ(result.exit.code, 65) << service << ": " << result.output;
    EXPECT_THAT(result.output, HasSubstr("token 259 '<|pad|>' is beyond")) << service;
  }
}

TEST_F(FieldCommandsTest, AnAdapterIsNoModel) {
  ExpectRefusedAtStart(FieldPath("models/adapter"), 65, "this is a LoRA adapter of the model x/y");
}

TEST_F(FieldCommandsTest, QuantizedWeightsAreNamed) {
  ExpectRefusedAtStart(FieldPath("models/gptq"), 65, "the weights are quantized by GPTQ");
}

TEST_F(FieldCommandsTest, AnOwnCatalogNeedsAModelThatIsNamed) {
  ExpectRefusedAtStart("", 78, "model.path is empty");
}

TEST_F(FieldCommandsTest, AHeadOfItsOwnIsAWarning) {
  const std::string model = FieldPath("models/tied_other_head");
  const CommandResult result = Run({"doctor"}, model);
  EXPECT_EQ(result.exit.code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("model.embed_tokens.weight and lm_head.weight differ"));
}

TEST_F(FieldCommandsTest, AModelOfOnesOwnFilesPassesTheChecks) {
  const std::string model = base::JoinPath(directory_.path(), "model");
  const CommandResult made = Run(
      {"new-model", "--out", model, "--vocab-size", "400", "--hidden-size", "32", "--layers", "1"},
      "");
  EXPECT_EQ(made.exit.code, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("from 25 titles and 25 conversations"));
  EXPECT_TRUE(base::FileExists(base::JoinPath(model, "convrec.json")));
  EXPECT_EQ(Run({"doctor"}, model).exit.code, 0);
  EXPECT_EQ(Run({"train", "--dry-run"}, model).exit.code, 0);
  const CommandResult again =
      RunCommand({Binary("convrec"), "new-model", "--out", model, "--catalog", catalog_}, kShort);
  EXPECT_EQ(again.exit.code, 78) << again.output;
  EXPECT_THAT(again.output, HasSubstr("exists and is not empty"));
}

// Songs with an artist and without a year, their rows, and what runs on them.
class FieldSongsTest : public ::testing::Test {
 protected:
  FieldSongsTest() {
    std::string catalog, rows;
    for (int i = 0; i < 25; ++i) {
      const std::string song = absl::StrCat("{\"title\": \"Song ",
                                            i / 2,
                                            "\", \"artist\": \"",
                                            i % 2 == 0 ? "Ann" : "Bob & Co.",
                                            "\"}");
      absl::StrAppend(&catalog, song, "\n");
      absl::StrAppend(&rows,
                      "{\"id\": \"r",
                      i,
                      "\", \"context\": [{\"role\": \"user\", \"text\": \"I liked Song ",
                      i,
                      ".\"}], \"seen_titles\": [\"Song 12\", \"Song 0\"], \"groundtruth\": [",
                      song,
                      "]}\n");
    }
    EXPECT_TRUE(base::WriteFileAtomically(catalog_, catalog).ok());
    EXPECT_TRUE(base::WriteFileAtomically(rows_, rows).ok());
  }

  CommandResult Run(std::vector<std::string> command,
                    const std::vector<std::string>& overrides,
                    absl::Duration timeout = kShort) const {
    command.insert(command.begin(), Binary("convrec"));
    for (const std::string& override : {"data.catalog=" + catalog_,
                                        "data.sft.path=" + rows_,
                                        "data.train.path=" + rows_,
                                        "data.validation.path=" + rows_,
                                        "data.test.path=" + rows_,
                                        "run_dir=" + run_dir_}) {
      command.push_back(override);
    }
    command.insert(command.end(), overrides.begin(), overrides.end());
    return RunCommand(command, timeout);
  }

  const base::TemporaryDirectory directory_;
  const std::string catalog_ = base::JoinPath(directory_.path(), "songs.jsonl");
  const std::string rows_ = base::JoinPath(directory_.path(), "rows.jsonl");
  const std::string run_dir_ = base::JoinPath(directory_.path(), "run");
  const std::string model_ = base::JoinPath(directory_.path(), "model");
  const std::vector<std::string> format_ = {
      "data.line_format={title} - {artist}",
      "data.instruction=Name {num_items} songs as title - artist. {conversation}",
      "data.num_ranks=4",
      "data.sft_targets=cooccurrence",
      "model.path=" + model_};
};

TEST_F(FieldSongsTest, WithoutTheSettingTheLineAndTheSettingAreNamed) {
  for (const std::vector<std::string>& verb :
       std::vector<std::vector<std::string>>{{"doctor"}, {"train", "--dry-run"}, {"train"}}) {
    const CommandResult result = Run(verb,
                                     {"model.path=" + FieldPath("models/tied_other_head"),
                                      "data.max_prompt_tokens=128",
                                      "rollout.max_new_tokens=100"});
    EXPECT_EQ(result.exit.code, 65) << verb.back() << ": " << result.output;
    EXPECT_THAT(result.output, HasSubstr("songs.jsonl:1: field \"year\" is missing"));
    EXPECT_THAT(result.output, HasSubstr("set data.line_format, as in \"{title}\""));
  }
}

TEST_F(FieldSongsTest, AJobRunsOnThem) {
  const CommandResult made = Run(
      {"new-model", "--out", model_, "--vocab-size", "400", "--hidden-size", "32", "--layers", "1"},
      format_);
  ASSERT_EQ(made.exit.code, 0) << made.output;
  const CommandResult doctor = Run({"doctor"}, format_);
  EXPECT_EQ(doctor.exit.code, 0) << doctor.output;
  EXPECT_THAT(doctor.output, HasSubstr("all 25 titles are read back from a list"));
  // Of one song each row has seen "Song 12", which is one item; "Song 0" is two and blocks none.
  EXPECT_THAT(doctor.output, HasSubstr("24 of 25 truths can be hit"));
  EXPECT_THAT(doctor.output, HasSubstr("25 seen titles name several items and block none of them"));
  EXPECT_EQ(Run({"train", "--dry-run"}, format_).exit.code, 0);

  std::vector<std::string> job = format_;
  for (const char* const override : {"learner.sft.steps=30",
                                     "learner.sft.rows_per_step=8",
                                     "learner.steps=2",
                                     "learner.groups_per_step=4",
                                     "rollout.siblings=4",
                                     "rollout.constrained=true",
                                     "rollout.max_new_tokens=160",
                                     "evaluation.every_steps=2",
                                     "evaluation.constrained=true"}) {
    job.push_back(override);
  }
  const CommandResult trained = Run({"train"}, job, absl::Minutes(4));
  ASSERT_EQ(trained.exit.code, 0) << trained.output;
  const auto log = report::ReadRunLog(base::JoinPath(run_dir_, "metrics.jsonl"));
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_EQ(log->rl_steps.size(), 2u);
  // Constrained lists hold items of the catalog alone, or writing and reading do not agree.
  ASSERT_FALSE(log->evaluations.empty());
  for (const report::Evaluation& evaluation : log->evaluations) {
    EXPECT_DOUBLE_EQ(evaluation["in_catalog_ratio"], 1) << base::NameOf(evaluation.stage);
  }
}

TEST_F(FieldCommandsTest, AKQuantizedFileIsImported) {
  const std::string out = base::JoinPath(directory_.path(), "imported");
  const CommandResult result =
      RunCommand({Binary("convrec"), "import", FieldPath("gguf/q4_k_m.gguf"), out}, kShort);
  EXPECT_EQ(result.exit.code, 0) << result.output;
  EXPECT_EQ(Run({"doctor"}, out).exit.code, 0);
}

}  // namespace
}  // namespace convrec::testing
