// docs/own_data.md as a reader follows it: its sample rows are read, its commands are run in order
// on a small catalog that is made up here.
#include <gtest/gtest.h>
#include <signal.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "libs/base/monotonic.h"
#include "libs/base/stop_signal.h"
#include "libs/catalog/catalog_rows.h"
#include "libs/data/dialogue_reader.h"
#include "libs/text/line_format.h"
#include "tests/support/job.h"
#include "tests/support/paths.h"
#include "tools/convrec/child_process.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(4);

// The blocks of a page that are marked with `language`.
std::vector<std::string> Blocks(const std::string& page, const std::string& language) {
  std::vector<std::string> blocks;
  const std::string open = absl::StrCat("```", language, "\n");
  for (size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    blocks.push_back(page.substr(at, page.find("```", at) - at));
  }
  return blocks;
}

// The commands of the page; a backslash goes on with the next line.
std::vector<std::string> Commands(const std::string& page) {
  std::vector<std::string> commands;
  for (const std::string& block : Blocks(page, "sh")) {
    const std::string joined = absl::StrReplaceAll(block, {{"\\\n", " "}});
    for (const absl::string_view line : absl::StrSplit(joined, '\n', absl::SkipEmpty()))
      commands.emplace_back(line);
  }
  return commands;
}

// How convrec serve says where it listens.
const std::string kOnPort = "on port ";

class OwnDataTest : public ::testing::Test {
 protected:
  OwnDataTest() : page_(*base::ReadFile(SourcePath("docs/own_data.md"))) {}

  std::string File(const std::string& name) const { return base::JoinPath(dir_.path(), name); }
  void Write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(base::WriteFileAtomically(File(name), text).ok());
  }
  // A shell line as the reader types it, beside the programs and the folder configs/.
  std::vector<std::string> Shell(const std::string& line) const {
    const std::string programs = BuildPath("bin");
    return {"/bin/bash",
            "-c",
            absl::StrCat("cd ", dir_.path(), " && PATH=", programs, ":$PATH && ", line)};
  }
  CommandResult Run(const std::string& line) const { return RunCommand(Shell(line), kLong); }
  // Goes on while the reader does something else; its output is in `name`.
  cli::ChildProcess Begin(const std::string& line, const std::string& name) const {
    auto child =
        cli::ChildProcess::Spawn({.arguments = Shell("exec " + line), .log_path = File(name)});
    EXPECT_TRUE(child.ok()) << child.status();
    return *std::move(child);
  }
  void AwaitText(const std::string& name, const std::string& text) const {
    const absl::Time deadline = base::MonotonicNow() + kLong;
    while (true) {
      const auto content = base::ReadFile(File(name));
      if (content.ok() && absl::StrContains(*content, text)) return;
      ASSERT_LT(base::MonotonicNow(), deadline) << text << " is not in " << content.value_or("");
      base::WaitForStop(absl::Milliseconds(50));
    }
  }
  int EndOf(cli::ChildProcess* child) const {
    const absl::Time deadline = base::MonotonicNow() + kLong;
    while (base::MonotonicNow() < deadline) {
      if (const auto exit = child->Poll()) return exit->code;
      base::WaitForStop(absl::Milliseconds(50));
    }
    return -1;
  }

  // Users who name one film of a kind and accept others of it.
  void WriteData() const {
    const std::vector<std::string> kinds = {"Quiet", "Golden", "Broken", "Frozen", "Hidden"};
    const std::vector<std::string> things = {
        "Harbor", "River", "Mirror", "Garden", "Signal", "Letter", "Winter", "Lantern"};
    const auto title = [&](size_t kind, size_t thing) {
      return absl::StrCat(kinds[kind], " ", things[thing % things.size()]);
    };
    const auto year = [&](size_t kind, size_t thing) {
      return 1950 + 10 * static_cast<int>(kind) + static_cast<int>(thing % things.size());
    };
    std::string catalog = "title,year\n";
    std::string conversations, held_out;
    for (size_t kind = 0; kind < kinds.size(); ++kind) {
      for (size_t thing = 0; thing < things.size(); ++thing) {
        absl::StrAppend(&catalog, title(kind, thing), ",", year(kind, thing), "\n");
        for (size_t more = 1; more <= 3; ++more) {
          absl::StrAppend(more == 3 ? &held_out : &conversations,
                          "{\"id\": \"",
                          kind,
                          "-",
                          thing,
                          "-",
                          more,
                          "\", \"context\": [{\"role\": \"user\", \"text\": \"I like ",
                          title(kind, thing),
                          ".\"}], \"seen_titles\": [\"",
                          title(kind, thing),
                          "\"], \"groundtruth\": [{\"title\": \"",
                          title(kind, thing + more),
                          "\", \"year\": ",
                          year(kind, thing + more),
                          "}]}\n");
        }
      }
    }
    Write("mine/catalog.csv", catalog);
    Write("mine/conversations.jsonl", conversations);
    Write("mine/held_out.jsonl", held_out);
  }
  // So that training takes seconds: a later file wins, as does a later key of the same file.
  void Shorten(const std::string& path) const {
    std::string text = *base::ReadFile(File(path));
    text = absl::StrReplaceAll(text,
                               {{"steps: 300", "steps: 4"},
                                {"\n  steps: 50\n", "\n  steps: 2\n"},
                                {"every_steps: 25", "every_steps: 0"},
                                {"num_ranks: 10", "num_ranks: 3"},
                                {"max_new_tokens: 160", "max_new_tokens: 48"}});
    Write(path, text);
  }

  const std::string page_;
  const base::TemporaryDirectory dir_;
};

TEST_F(OwnDataTest, SampleRowsAreReadAndAreThoseOfMessages) {
  for (const std::string& sample : {std::string(data::kSampleDialogue),
                                    std::string(data::kSampleChat),
                                    std::string(catalog::kSampleJsonRow)}) {
    EXPECT_TRUE(absl::StrContains(page_, "\n" + sample + "\n")) << sample;
  }
  for (const std::string& block : Blocks(page_, "json")) {
    Write("rows", block);
    if (absl::StrContains(block, "\"groundtruth")) {
      const auto rows = data::ReadDialogues(File("rows"), {});
      EXPECT_TRUE(rows.ok()) << rows.status();
    } else {
      int num_items = 0;
      const auto count = [&](const catalog::CatalogItem&, int) {
        ++num_items;
        return absl::OkStatus();
      };
      EXPECT_TRUE(catalog::ForEachCatalogItem(block, "c.jsonl", text::LineFormat(), count).ok());
      EXPECT_EQ(num_items, 1);
    }
  }
}

TEST_F(OwnDataTest, EveryCommandOfThePageDoesWhatItSays) {
  ASSERT_TRUE(base::MakeDirectories(File("configs")).ok());
  ASSERT_TRUE(base::MakeDirectories(File("mine")).ok());
  Write("configs/own_data.yaml", *base::ReadFile(SourcePath("configs/own_data.yaml")));
  WriteData();
  std::optional<cli::ChildProcess> training, server;
  for (const std::string& command : Commands(page_)) {
    SCOPED_TRACE(command);
    if (absl::StartsWith(command, "convrec train --config")) {
      training = Begin(command, "train.out");
      AwaitText("train.out", "one more worker: ");
      continue;
    }
    if (absl::StartsWith(command, "convrec add-worker")) {
      cli::ChildProcess worker = Begin(command + " --name guest", "worker.out");
      EXPECT_EQ(EndOf(&*training), 0) << *base::ReadFile(File("train.out"));
      EXPECT_EQ(EndOf(&worker), 0) << *base::ReadFile(File("worker.out"));
      continue;
    }
    if (absl::StartsWith(command, "convrec serve")) {
      // A free port in place of the page's.
      server = Begin(absl::StrReplaceAll(command, {{":8000", ":0"}}), "serve.out");
      AwaitText("serve.out", kOnPort);
      continue;
    }
    std::string line = command;
    if (absl::StartsWith(command, "curl")) {
      const std::string said = *base::ReadFile(File("serve.out"));
      const size_t port = said.find(kOnPort) + kOnPort.size();
      line = absl::StrReplaceAll(
          line, {{"8000", said.substr(port, said.find_first_not_of("0123456789", port) - port)}});
    }
    const CommandResult result = Run(line);
    EXPECT_EQ(result.exit.code, 0) << result.output;
    if (absl::StartsWith(command, "cp ")) Shorten("mine/run.yaml");
    if (absl::StartsWith(command, "convrec status")) {
      EXPECT_TRUE(absl::StrContains(result.output, "add-worker")) << result.output;
    }
    if (absl::StartsWith(command, "curl")) {
      EXPECT_TRUE(absl::StrContains(result.output, "\"choices\"")) << result.output;
    }
  }
  ASSERT_TRUE(server.has_value());
  server->Signal(SIGTERM);
  EXPECT_EQ(EndOf(&*server), 0);
  EXPECT_TRUE(base::FileExists(File("mine/run/report.html")));
}

}  // namespace
}  // namespace convrec::testing
