// A GenerationEngine for tests whose completions follow a script.
//
// Groups start as a whole and in order while rows are free. Each step draws one token for every
// running sequence, and a sequence ends with a stop token or at its limit. Token number i (from 0)
// has the log-probability -(i + 1) / 4. A test can hold the steps and let any number of them
// through.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/engine/generation_engine.h"

namespace convrec::text_model {

// The methods of GenerationEngine belong to one thread; the others may be called from any.
class FakeEngine final : public engine::GenerationEngine {
 public:
  // The tokens of one sibling; when they are used up, the last one is repeated.
  using Script = std::function<std::vector<int32_t>(const engine::GenerationRequest&, int sibling)>;

  FakeEngine(Script script, int32_t stop_token_id, int max_rows = 8)
      : script_(std::move(script)), stop_token_id_(stop_token_id), max_rows_(max_rows) {}

  absl::Status Add(engine::GenerationRequest request) override {
    if (request.prompt_token_ids.empty()) return absl::InvalidArgumentError("empty prompt");
    if (request.num_siblings > max_rows_) return absl::InvalidArgumentError("too many siblings");
    queued_.push_back(std::move(request));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<engine::GenerationResult>> Step() override {
    if (absl::Status status = TakeTurn(); !status.ok()) return status;
    StartQueued();
    drawn_.clear();
    std::vector<engine::GenerationResult> results;
    for (Group& group : running_) {
      for (int i = 0; i < group.request.num_siblings; ++i) Draw(&group, i);
      if (group.IsDone()) results.push_back({group.request.tag, group.completions});
    }
    std::erase_if(running_, [](const Group& group) { return group.IsDone(); });
    return results;
  }

  const std::vector<engine::DrawnToken>& drawn() const override { return drawn_; }
  int num_queued_groups() const override { return static_cast<int>(queued_.size()); }
  int num_running_groups() const override { return static_cast<int>(running_.size()); }
  int num_running_sequences() const override {
    int count = 0;
    for (const Group& group : running_) count += group.request.num_siblings - group.num_ended;
    return count;
  }
  bool idle() const override { return queued_.empty() && running_.empty(); }

  bool Cancel(int64_t tag) override {
    const size_t count =
        std::erase_if(queued_, [tag](const auto& request) { return request.tag == tag; }) +
        std::erase_if(running_, [tag](const Group& group) { return group.request.tag == tag; });
    if (count == 0) return false;
    absl::MutexLock lock(&mu_);
    ++num_cancelled_;
    return true;
  }

  bool EndSibling(int64_t tag, int sibling) override {
    for (Group& group : running_) {
      if (group.request.tag != tag) continue;
      const auto row = static_cast<size_t>(sibling);
      if (group.has_ended[row]) return false;
      group.completions[row].finish_reason = domain::FinishReason::kStop;
      group.has_ended[row] = true;
      ++group.num_ended;
      absl::MutexLock lock(&mu_);
      ++num_ended_siblings_;
      return true;
    }
    return false;
  }

  std::vector<int64_t> Abort() override {
    std::vector<int64_t> tags;
    for (const auto& request : queued_) tags.push_back(request.tag);
    for (const Group& group : running_) tags.push_back(group.request.tag);
    queued_.clear();
    running_.clear();
    return tags;
  }

  // From now on Step() blocks until steps are let through.
  void HoldSteps() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    num_allowed_ = 0;
  }
  void AllowSteps(int count) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (num_allowed_) *num_allowed_ += count;
  }
  void AllowAllSteps() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    num_allowed_.reset();
  }
  // Makes the next step return this status, once.
  void FailNextStep(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    failure_ = std::move(status);
  }
  // Blocks until Cancel() has dropped `count` groups.
  void AwaitCancelled(int count) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    wanted_cancelled_ = count;
    mu_.Await(absl::Condition(this, &FakeEngine::AreCancelled));
  }
  // Blocks until EndSibling() has ended `count` siblings.
  void AwaitEndedSiblings(int count) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    wanted_ended_siblings_ = count;
    mu_.Await(absl::Condition(this, &FakeEngine::AreEnded));
  }

 private:
  struct Group {
    engine::GenerationRequest request;
    std::vector<std::vector<int32_t>> scripts;
    std::vector<domain::Completion> completions;
    std::vector<bool> has_ended;
    int num_ended = 0;
    bool IsDone() const { return num_ended == request.num_siblings; }
  };

  bool MayStep() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !num_allowed_ || *num_allowed_ > 0;
  }
  bool AreCancelled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return num_cancelled_ >= wanted_cancelled_;
  }
  bool AreEnded() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return num_ended_siblings_ >= wanted_ended_siblings_;
  }
  absl::Status TakeTurn() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &FakeEngine::MayStep));
    if (num_allowed_) --*num_allowed_;
    return std::exchange(failure_, absl::OkStatus());
  }

  void StartQueued() {
    while (!queued_.empty() &&
           num_running_sequences() + queued_.front().num_siblings <= max_rows_) {
      Group group;
      group.request = std::move(queued_.front());
      queued_.pop_front();
      const auto count = static_cast<size_t>(group.request.num_siblings);
      for (size_t i = 0; i < count; ++i) {
        group.scripts.push_back(script_(group.request, static_cast<int>(i)));
        CR_CHECK(!group.scripts.back().empty());
      }
      group.completions.resize(count);
      group.has_ended.resize(count);
      running_.push_back(std::move(group));
    }
  }

  void Draw(Group* group, int sibling) {
    const auto row = static_cast<size_t>(sibling);
    if (group->has_ended[row]) return;
    domain::Completion& completion = group->completions[row];
    const size_t position = completion.token_ids.size();
    const std::vector<int32_t>& script = group->scripts[row];
    engine::DrawnToken token;
    token.tag = group->request.tag;
    token.sibling = sibling;
    token.token_id = script[std::min(position, script.size() - 1)];
    token.logprob = -static_cast<float>(position + 1) / 4;
    for (int i = 0; i < group->request.num_top_logprobs; ++i) {
      token.top.push_back({token.token_id + i, token.logprob - static_cast<float>(i)});
    }
    completion.token_ids.push_back(token.token_id);
    completion.sampled_logprobs.push_back(token.logprob);
    const bool is_stop = token.token_id == stop_token_id_;
    if (is_stop) completion.finish_reason = domain::FinishReason::kStop;
    if (is_stop || static_cast<int>(position) + 1 == group->request.sampling.max_new_tokens) {
      group->has_ended[row] = true;
      ++group->num_ended;
    }
    drawn_.push_back(std::move(token));
  }

  const Script script_;
  const int32_t stop_token_id_;
  const int max_rows_;
  std::deque<engine::GenerationRequest> queued_;
  std::vector<Group> running_;
  std::vector<engine::DrawnToken> drawn_;

  absl::Mutex mu_;
  std::optional<int> num_allowed_ ABSL_GUARDED_BY(mu_);  // nullopt = all.
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  int num_cancelled_ ABSL_GUARDED_BY(mu_) = 0;
  int wanted_cancelled_ ABSL_GUARDED_BY(mu_) = 0;
  int num_ended_siblings_ ABSL_GUARDED_BY(mu_) = 0;
  int wanted_ended_siblings_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace convrec::text_model
