#include "tests/support/job.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/base/check.h"
#include "libs/telemetry/testing/await_ports.h"
#include "tests/support/paths.h"

namespace convrec::testing {
namespace {

// Waits for what another process does; there is no event to wait on.
bool WaitUntil(const std::function<bool()>& holds, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!holds()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(50));
  }
  return true;
}

std::string HttpGet(int port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string reply;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: localhost\r\n\r\n");
    if (::write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
      char buffer[4096];
      for (ssize_t n; (n = ::read(fd, buffer, sizeof(buffer))) > 0;)
        reply.append(buffer, static_cast<size_t>(n));
    }
  }
  ::close(fd);
  return reply;
}

}  // namespace

std::string Binary(const std::string& name) { return BuildPath(absl::StrCat("bin/", name)); }

CommandResult RunCommand(const std::vector<std::string>& arguments, absl::Duration timeout) {
  base::TemporaryDirectory dir;
  const std::string log = base::JoinPath(dir.path(), "log");
  auto child = cli::ChildProcess::Spawn({.arguments = arguments, .log_path = log});
  CR_CHECK(child.ok(), child.status().ToString());
  CommandResult result;
  std::optional<cli::ExitState> exit;
  EXPECT_TRUE(WaitUntil([&] { return (exit = child->Poll()).has_value(); }, timeout))
      << arguments[0];
  if (!exit) child->Kill();
  result.exit = exit.value_or(cli::ExitState{.code = 0, .signal = 9});
  result.output = *base::ReadFile(log);
  return result;
}

namespace {

std::vector<std::string> SmallJob() {
  return {"name=e2e",
          "data.instruction=\"{conversation}\\n\"",
          "data.numbered_lists=true",
          "data.max_prompt_tokens=128",
          "data.world.sft_rows=3000",
          "data.world.train_rows=400",
          "data.world.validation_rows=40",
          "data.world.test_rows=60",
          "data.world.vocab_size=1536",
          "rollout.max_new_tokens=150",
          "rollout.max_groups=8",
          "rollout.compute_type=float32",
          "rollout.siblings=8",
          "learner.groups_per_step=8",
          "learner.sft.steps=300",
          "learner.sft.rows_per_step=16",
          "learner.sft.optimizer.learning_rate=5.0e-3",
          "learner.steps=12",
          "learner.optimizer.learning_rate=5.0e-4",
          "learner.objective.kl_beta=0.02",
          "learner.objective.end_of_list_reward=1.0",
          "learner.objective.extra_token_penalty=-2.0",
          "learner.objective.early_stop_penalty=-2.0",
          "learner.checkpoint.every_steps=0",
          "reward.duplicate_reward=-0.15",
          "reward.off_catalog_reward=-0.15",
          "evaluation.every_steps=0",
          "evaluation.zero_shot=false"};
}

std::vector<std::string> TinyJob() {
  std::vector<std::string> overrides = SmallJob();
  for (const char* override : {"data.world.sft_rows=100",
                               "data.world.train_rows=64",
                               "data.world.validation_rows=4",
                               "data.world.test_rows=6",
                               "data.world.vocab_size=512",
                               "data.world.hidden_size=32",
                               "data.world.num_layers=1",
                               "data.world.num_heads=2",
                               "data.world.intermediate_size=64",
                               "rollout.max_new_tokens=24",
                               "rollout.max_groups=4",
                               "rollout.siblings=2",
                               "learner.groups_per_step=4",
                               "learner.sft.steps=3",
                               "learner.sft.rows_per_step=4",
                               "learner.steps=6",
                               "learner.threads=1",
                               "rollout.threads=1"}) {
    overrides.push_back(override);
  }
  return overrides;
}

std::vector<std::string> OverridesOf(JobSize size) {
  return size == JobSize::kSmall ? SmallJob() : TinyJob();
}

}  // namespace

const std::string& SampleWorldDirectory(JobSize size) {
  static const base::TemporaryDirectory* parent = [] {
    static auto* directory = new base::TemporaryDirectory();
    std::atexit([] { delete directory; });
    return directory;
  }();
  static auto* paths = new std::map<JobSize, std::string>();
  const auto [entry, is_new] = paths->emplace(
      size, base::JoinPath(parent->path(), size == JobSize::kSmall ? "small" : "tiny"));
  if (!is_new) return entry->second;
  std::vector<std::string> arguments = {Binary("convrec"), "world", "--out", entry->second};
  for (const std::string& override : OverridesOf(size)) arguments.push_back(override);
  const CommandResult made = RunCommand(arguments, absl::Minutes(2));
  CR_CHECK(made.exit.code == 0 && made.exit.signal == 0, made.output);
  return entry->second;
}

Job::Job(std::vector<std::string> overrides, JobSize size) : overrides_(OverridesOf(size)) {
  const std::string& world = SampleWorldDirectory(size);
  for (const std::string& override :
       {absl::StrCat("data.catalog=", world, "/catalog.jsonl"),
        absl::StrCat("data.sft.path=", world, "/sft.jsonl"),
        absl::StrCat("data.train.path=", world, "/train.jsonl"),
        absl::StrCat("data.validation.path=", world, "/validation.jsonl"),
        absl::StrCat("data.test.path=", world, "/test.jsonl"),
        absl::StrCat("model.path=", world, "/model"),
        absl::StrCat("run_dir=", run_dir()),
        absl::StrCat("telemetry.ports_dir=", dir_.path(), "/ports"),
        std::string("telemetry.metrics_listen=127.0.0.1:0"),
        std::string("rollout.health_listen=127.0.0.1:0"),
        std::string("reward.listen=127.0.0.1:0"),
        std::string("learner.listen=127.0.0.1:0")}) {
    overrides_.push_back(override);
  }
  for (std::string& override : overrides) overrides_.push_back(std::move(override));
}

std::vector<std::string> Job::arguments(const std::string& binary, const std::string& name) const {
  std::vector<std::string> arguments = {Binary(binary), "--name", name};
  arguments.insert(arguments.end(), overrides_.begin(), overrides_.end());
  return arguments;
}

void Job::Spawn(const std::string& binary,
                const std::string& name,
                std::vector<std::string> extra) {
  std::vector<std::string> all = arguments(binary, name);
  all.insert(all.end(), extra.begin(), extra.end());
  SpawnCommand(name, std::move(all));
}

void Job::SpawnCommand(const std::string& name, std::vector<std::string> arguments) {
  children_.erase(name);
  auto child = cli::ChildProcess::Spawn(
      {.arguments = std::move(arguments),
       .log_path = base::JoinPath(dir_.path(), absl::StrCat(name, ".log"))});
  CR_CHECK(child.ok(), child.status().ToString());
  children_.emplace(name, *std::move(child));
}

void Job::StartAll() {
  std::vector<std::string> command = {Binary("convrec"), "train"};
  command.insert(command.end(), overrides_.begin(), overrides_.end());
  SpawnCommand("train", std::move(command));
}

void Job::StartReward() {
  Spawn("convrec-reward", "reward", {});
  AwaitReward();
}

void Job::RestartReward() {
  Spawn("convrec-reward", "reward", {absl::StrCat("reward.listen=127.0.0.1:", reward_port_)});
  AwaitReward();
}

void Job::AwaitReward() {
  const auto ports =
      telemetry::AwaitPorts(base::JoinPath(dir_.path(), "ports"), "reward", child("reward").pid());
  CR_CHECK(ports.ok(), absl::StrCat(ports.status().ToString(), LogText("reward")));
  reward_port_ = ports->grpc;
}

void Job::StartLearner(bool resume) {
  StartLearnerWith(resume ? std::vector<std::string>{"--resume"} : std::vector<std::string>{});
}

void Job::StartLearnerWith(std::vector<std::string> extra) {
  if (learner_port_ > 0)
    extra.insert(extra.begin(), absl::StrCat("learner.listen=127.0.0.1:", learner_port_));
  Spawn("convrec-learner", "learner", std::move(extra));
  const auto ports = telemetry::AwaitPorts(
      base::JoinPath(dir_.path(), "ports"), "learner", child("learner").pid());
  CR_CHECK(ports.ok(), absl::StrCat(ports.status().ToString(), LogText("learner")));
  learner_port_ = ports->grpc;
}

void Job::StartWorker(const std::string& name, const std::vector<std::string>& extra) {
  std::vector<std::string> all = {
      absl::StrCat("rollout.reward_address=127.0.0.1:", reward_port_),
      absl::StrCat("rollout.learner_address=127.0.0.1:", learner_port_)};
  all.insert(all.end(), extra.begin(), extra.end());
  Spawn("convrec-rollout", name, std::move(all));
}

void Job::StartWorkerWithOwnAddresses(const std::string& name) {
  Spawn(
      "convrec-rollout", name, {absl::StrCat("rollout.learner_address=127.0.0.1:", learner_port_)});
}

void Job::WaitForText(const std::string& name, const std::string& text, absl::Duration timeout) {
  EXPECT_TRUE(WaitUntil([&] { return LogText(name).find(text) != std::string::npos; }, timeout))
      << LogText(name);
}

cli::ExitState Job::WaitForEnd(const std::string& name, absl::Duration timeout) {
  std::optional<cli::ExitState> exit;
  EXPECT_TRUE(WaitUntil([&] { return (exit = child(name).Poll()).has_value(); }, timeout))
      << name << " did not end:\n"
      << LogText(name);
  return exit.value_or(cli::ExitState{.code = 0, .signal = 9});
}

cli::ExitState Job::Stop(const std::string& name, absl::Duration timeout) {
  child(name).Signal(SIGTERM);
  return WaitForEnd(name, timeout);
}

size_t Job::Interrupt(absl::Duration timeout) {
  EXPECT_EQ(Stop("learner", timeout).code, 75) << LogText("learner");
  return Log().rl_steps.size();
}

void Job::ResumeToEnd(const std::string& worker, absl::Duration timeout) {
  StartLearner(/*resume=*/true);
  EXPECT_EQ(WaitForEnd("learner", timeout).code, 0) << LogText("learner");
  EXPECT_EQ(WaitForEnd(worker, timeout).code, 0) << LogText(worker);
}

void Job::WaitForStep(size_t count, absl::Duration timeout) {
  EXPECT_TRUE(WaitUntil([&] { return Log().rl_steps.size() >= count; }, timeout))
      << Log().rl_steps.size() << " steps of " << count << ":\n"
      << LogText("learner");
}

report::RunLog Job::Log() const {
  auto log = report::ReadRunLog(base::JoinPath(run_dir(), "metrics.jsonl"));
  return log.ok() ? *std::move(log) : report::RunLog();
}

std::string Job::LogText(const std::string& name) const {
  auto text = base::ReadFile(base::JoinPath(dir_.path(), absl::StrCat(name, ".log")));
  return text.ok() ? *std::move(text) : std::string(text.status().message());
}

std::string Job::MetricsText(const std::string& name) const {
  const auto ports = telemetry::ReadPortsFile(base::JoinPath(dir_.path(), "ports"), name);
  return ports.ok() ? HttpGet(ports->metrics, "/metrics") : "";
}

double Job::Metric(const std::string& name, const std::vector<std::string>& parts) const {
  double sum = 0;
  const std::vector<std::string> lines = absl::StrSplit(MetricsText(name), '\n');
  for (const std::string& line : lines) {
    bool matches = !line.empty() && line[0] != '#';
    for (const std::string& part : parts) matches = matches && line.find(part) != std::string::npos;
    double value = 0;
    if (matches && absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) sum += value;
  }
  return sum;
}

}  // namespace convrec::testing
