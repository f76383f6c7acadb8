#include "services/serve/engine_loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/log.h"

namespace convrec::serve {

EngineLoop::EngineLoop(engine::GenerationEngine* engine, const Options& options)
    : engine_(engine), options_(options), thread_([this] { Run(); }) {
  CR_CHECK(options_.max_sequences > 0);
}

EngineLoop::~EngineLoop() {
  {
    absl::MutexLock lock(&mu_);
    is_draining_ = true;
    is_stopping_ = true;
  }
  thread_.join();
}

absl::StatusOr<int64_t> EngineLoop::Submit(std::vector<engine::GenerationRequest> groups,
                                           std::shared_ptr<GenerationListener> listener) {
  Call call;
  for (const engine::GenerationRequest& group : groups) call.num_sequences += group.num_siblings;
  call.groups = std::move(groups);
  call.listener = std::move(listener);
  absl::MutexLock lock(&mu_);
  if (is_draining_) return absl::UnavailableError("this server is shutting down");
  if (load_.num_sequences + call.num_sequences > options_.max_sequences) {
    return absl::ResourceExhaustedError(absl::StrCat("this server is busy: ",
                                                     load_.num_sequences,
                                                     " completions run or wait, of at most ",
                                                     options_.max_sequences,
                                                     "; try again later"));
  }
  const int64_t number = next_call_++;
  call.number = number;
  load_.num_sequences += call.num_sequences;
  ++load_.num_calls;
  submitted_.push_back(std::move(call));
  return number;
}

void EngineLoop::Cancel(int64_t call) {
  absl::MutexLock lock(&mu_);
  cancelled_.push_back(call);
}

void EngineLoop::EndSibling(int64_t call, int64_t group, int sibling) {
  absl::MutexLock lock(&mu_);
  ended_.push_back({.call = call, .group = group, .sibling = sibling});
}

void EngineLoop::Drain() {
  absl::MutexLock lock(&mu_);
  is_draining_ = true;
}

bool EngineLoop::is_draining() const {
  absl::MutexLock lock(&mu_);
  return is_draining_;
}

EngineLoop::Load EngineLoop::load() const {
  absl::MutexLock lock(&mu_);
  return load_;
}

void EngineLoop::Run() {
  while (true) {
    std::vector<Call> submitted;
    std::vector<int64_t> cancelled;
    std::vector<Ended> ended;
    bool is_stopping = false;
    {
      absl::MutexLock lock(&mu_);
      if (engine_->idle()) mu_.Await(absl::Condition(this, &EngineLoop::HasMail));
      submitted.swap(submitted_);
      cancelled.swap(cancelled_);
      ended.swap(ended_);
      is_stopping = is_stopping_;
    }
    // A call can be cancelled before it was added, never the other way round.
    for (Call& call : submitted) Add(std::move(call));
    for (const int64_t call : cancelled) End(call, absl::CancelledError("given up by the caller"));
    for (const Ended& sibling : ended) End(sibling);
    if (is_stopping) {
      EndAll(absl::CancelledError("this server is shutting down"));
      return;
    }
    if (!engine_->idle()) Step();
    const int num_running = engine_->num_running_sequences();
    absl::MutexLock lock(&mu_);
    load_.num_running_sequences = num_running;
  }
}

void EngineLoop::Add(Call call) {
  std::vector<engine::GenerationRequest> groups = std::exchange(call.groups, {});
  const int64_t number = call.number;
  Call& kept = calls_.emplace(number, std::move(call)).first->second;
  kept.first_tag = next_tag_;
  for (size_t i = 0; i < groups.size(); ++i) {
    const int64_t tag = next_tag_++;
    groups[i].tag = tag;
    if (const absl::Status status = engine_->Add(std::move(groups[i])); !status.ok()) {
      return End(number, status);
    }
    kept.open_tags.push_back(tag);
    place_of_tag_[tag] = {.call = number, .group = static_cast<int64_t>(i)};
  }
}

void EngineLoop::Step() {
  auto results = engine_->Step();
  if (!results.ok()) {
    CR_LOG(ERROR) << "the engine failed, " << calls_.size()
                  << " calls are lost: " << results.status().message();
    engine_->Abort();
    SetFailed(true);
    return EndAll(
        absl::InternalError(absl::StrCat("the engine failed: ", results.status().message())));
  }
  SetFailed(false);
  HandOutTokens();
  for (const engine::GenerationResult& result : *results) CompleteGroup(result.tag);
}

void EngineLoop::HandOutTokens() {
  std::map<int64_t, std::vector<engine::DrawnToken>> tokens_of_call;
  for (const engine::DrawnToken& token : engine_->drawn()) {
    const auto place = place_of_tag_.find(token.tag);
    if (place == place_of_tag_.end()) continue;
    std::vector<engine::DrawnToken>& tokens = tokens_of_call[place->second.call];
    tokens.push_back(token);
    tokens.back().tag = place->second.group;
  }
  for (auto& [call, tokens] : tokens_of_call) calls_.at(call).listener->OnTokens(std::move(tokens));
}

void EngineLoop::CompleteGroup(int64_t tag) {
  const auto place = place_of_tag_.find(tag);
  if (place == place_of_tag_.end()) return;
  const int64_t number = place->second.call;
  place_of_tag_.erase(place);
  std::vector<int64_t>& open_tags = calls_.at(number).open_tags;
  open_tags.erase(std::remove(open_tags.begin(), open_tags.end(), tag), open_tags.end());
  if (open_tags.empty()) End(number, absl::OkStatus());
}

void EngineLoop::End(const Ended& ended) {
  const auto call = calls_.find(ended.call);
  if (call != calls_.end())
    engine_->EndSibling(call->second.first_tag + ended.group, ended.sibling);
}

void EngineLoop::End(int64_t number, const absl::Status& status) {
  const auto it = calls_.find(number);
  if (it == calls_.end()) return;
  for (const int64_t tag : it->second.open_tags) {
    engine_->Cancel(tag);
    place_of_tag_.erase(tag);
  }
  const Call call = std::move(it->second);
  calls_.erase(it);
  {
    absl::MutexLock lock(&mu_);
    load_.num_sequences -= call.num_sequences;
    --load_.num_calls;
  }
  call.listener->OnEnd(status);
}

void EngineLoop::EndAll(const absl::Status& status) {
  while (!calls_.empty()) End(calls_.begin()->first, status);
}

void EngineLoop::SetFailed(bool has_failed) {
  absl::MutexLock lock(&mu_);
  load_.has_failed = has_failed;
}

}  // namespace convrec::serve
