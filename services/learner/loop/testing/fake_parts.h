// Test support: parts that only record their calls, for tests of the loops without model, services
// or processes.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/enum_names.h"
#include "services/learner/batch/testing/groups.h"
#include "services/learner/loop/learner_parts.h"

namespace convrec::learner {

// The calls in order, such as "policy step 2", "publish 3", "save rl-2", and what each call does:
// nothing, or what the test sets.
struct CallLog {
  std::vector<std::string> calls;
  std::map<std::string, absl::Status> errors;           // By call.
  std::map<std::string, std::function<void()>> events;  // By call; run before it returns.

  absl::Status Call(const std::string& call) {
    calls.push_back(call);
    if (const auto event = events.find(call); event != events.end()) event->second();
    const auto error = errors.find(call);
    return error == errors.end() ? absl::OkStatus() : error->second;
  }
};

// Keeps the leader's headers; another rank gets the headers of a leader that ran before.
class FakeLink final : public HeaderLink {
 public:
  FakeLink(int rank, int num_ranks, const std::vector<Header>& said)
      : rank_(rank), num_ranks_(num_ranks), said_(said.begin(), said.end()) {}

  int rank() const override { return rank_; }
  int num_ranks() const override { return num_ranks_; }
  Header FromLeader(const Header& header) override {
    if (rank_ == 0) {
      headers.push_back(DecodeHeader(Encode(header)));
      return header;
    }
    CR_CHECK(!said_.empty(), "the leader has said less");
    const Header next = said_.front();
    said_.pop_front();
    CR_CHECK(next.kind == header.kind && next.step == header.step,
             absl::StrCat("the leader is at ", PlaceOf(next), ", not at ", PlaceOf(header)));
    return next;
  }
  bool is_used_up() const { return said_.empty(); }

  std::vector<Header> headers;

 private:
  const int rank_;
  const int num_ranks_;
  std::deque<Header> said_;
};

class FakeTraining final : public PolicyTraining {
 public:
  explicit FakeTraining(CallLog* log) : log_(*log) {}

  absl::Status Begin(report::Stage stage) override {
    num_steps_ = 0;
    return log_.Call(absl::StrCat("begin ", base::NameOf(stage)));
  }
  absl::Status LoadReference() override { return log_.Call("reference"); }
  void End() override { log_.Call("end of stage").IgnoreError(); }
  absl::StatusOr<SftStats> SftStep(const SftShare& share) override {
    const std::string call = absl::StrCat("sft step ", ++num_steps_);
    if (absl::Status status = log_.Call(call); !status.ok()) return status;
    num_rows.push_back(share.rows.size());
    SftStats stats;
    stats.num_tokens = share.num_tokens;
    stats.update.is_applied = !refused.contains(call);
    return stats;
  }
  absl::StatusOr<StepStats> PolicyStep(std::span<const PolicyShare> shares) override {
    const std::string call = absl::StrCat("policy step ", ++num_steps_);
    if (absl::Status status = log_.Call(call); !status.ok()) return status;
    num_groups.push_back(shares[0].batch.groups.size());
    for (const SampleGroup& group : shares[0].batch.groups)
      num_constrained += group.make_constraint ? 1 : 0;
    StepStats stats;
    stats.losses.emplace_back();
    stats.updates.push_back(
        {.grad_norm = refused.contains(call) ? NAN : 1.0, .is_applied = !refused.contains(call)});
    return stats;
  }

  std::set<std::string> refused;   // Steps whose gradient is not finite.
  std::vector<size_t> num_rows;    // On this rank, by supervised step.
  std::vector<size_t> num_groups;  // By policy step.
  int num_constrained = 0;         // Groups with a constraint.

 private:
  CallLog& log_;
  int64_t num_steps_ = 0;
};

class FakePublisher final : public Publisher {
 public:
  explicit FakePublisher(CallLog* log) : log_(*log) {}
  absl::Status Publish(domain::PolicyVersion version) override {
    return log_.Call(absl::StrCat("publish ", version.value));
  }

 private:
  CallLog& log_;
};

class FakeCheckpoints final : public Checkpoints {
 public:
  explicit FakeCheckpoints(CallLog* log) : log_(*log) {}
  absl::Status Poll() override { return std::exchange(write_error, absl::OkStatus()); }
  absl::Status Save(const RunState& state, Place place) override {
    saved = CheckpointName(state);
    return log_.Call(
        absl::StrCat("save ", saved, place == Place::kStageEnd ? " of the stage's end" : ""));
  }
  absl::Status Finish() override { return log_.Call("finish"); }
  bool LacksBest(const RunState& state) const override {
    return best.contains(CheckpointName(state)) && saved != CheckpointName(state);
  }

  absl::Status write_error;    // Error of the write that ends next.
  std::set<std::string> best;  // Steps that validate better than all before.
  std::string saved;

 private:
  CallLog& log_;
};

// Groups of two lists of two ranks, for prompts 0, 1, ...
class FakeBatches final : public BatchSource {
 public:
  FakeBatches(CallLog* log, int64_t groups_per_step)
      : log_(*log), groups_per_step_(groups_per_step) {}
  void Allow(int64_t num_groups) override {
    log_.Call(absl::StrCat("allow ", num_groups)).IgnoreError();
  }
  absl::StatusOr<std::vector<PromptedGroup>> Take() override {
    if (absl::Status status = log_.Call("take"); !status.ok()) return status;
    std::vector<PromptedGroup> groups;
    for (int64_t prompt = 0; prompt < groups_per_step_; ++prompt) {
      groups.push_back(MakeGroup({MakeRollout({0, 1, domain::kEndUnit}, {1, 0}),
                                  MakeRollout({0, 1, domain::kEndUnit}, {0, 1})},
                                 prompt));
    }
    return groups;
  }

 private:
  CallLog& log_;
  const int64_t groups_per_step_;
};

class FakeEvaluator final : public Evaluator {
 public:
  explicit FakeEvaluator(CallLog* log) : log_(*log) {}
  absl::Status Evaluate(report::RunPosition position, report::Split split) override {
    return log_.Call(absl::StrCat(
        "evaluate ", base::NameOf(position.stage), " ", position.step, " ", base::NameOf(split)));
  }

 private:
  CallLog& log_;
};

class FakeReporter final : public StepReporter {
 public:
  explicit FakeReporter(CallLog* log) : log_(*log) {}
  absl::Status Report(int64_t step, absl::Time, const SftStats& stats) override {
    return log_.Call(absl::StrCat("report sft ", step, stats.update.is_applied ? "" : " refused"));
  }
  absl::Status Report(const PolicyStepReport& step) override {
    return log_.Call(absl::StrCat(
        "report rl ", step.step, step.stats.updates.back().is_applied ? "" : " refused"));
  }

 private:
  CallLog& log_;
};

// A rank of a job with fake parts: rank 0, or one that receives `headers`.
struct FakeRank {
  explicit FakeRank(const RunPlan& plan,
                    const RunState& state = {},
                    int rank = 0,
                    int num_ranks = 1,
                    const std::vector<Header>& headers = {})
      : link(rank, num_ranks, headers), batches(&leader_log, plan.groups_per_step) {
    leader.sft_rows = &rows;
    leader.batches = &batches;
    leader.evaluator = &evaluator;
    leader.reporter = &reporter;
    leader.stop_requested = [this] { return is_stopped; };
    parts.plan = plan;
    parts.plan.microbatch_tokens = 100;
    parts.objective.num_ranks = 2;
    parts.state = state;
    parts.link = &link;
    parts.training = &training;
    parts.publisher = &publisher;
    parts.checkpoints = &checkpoints;
    parts.leader = rank == 0 ? &leader : nullptr;
  }
  FakeRank(const FakeRank&) = delete;

  bool is_stopped = false;
  CallLog log;         // Calls of all ranks.
  CallLog leader_log;  // Calls of the leader alone.
  const std::vector<SftRow> rows = std::vector<SftRow>(5, SftRow{{1, 2}, {3, 4, 5}});
  FakeLink link;
  FakeTraining training{&log};
  FakePublisher publisher{&log};
  FakeCheckpoints checkpoints{&log};
  FakeBatches batches;
  FakeEvaluator evaluator{&leader_log};
  FakeReporter reporter{&leader_log};
  LeaderParts leader;
  LearnerParts parts;
};

}  // namespace convrec::learner
