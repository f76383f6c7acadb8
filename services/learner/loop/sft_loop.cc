#include "services/learner/loop/sft_loop.h"

#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "services/learner/parallel/step_share.h"

namespace convrec::learner {

absl::Status SftLoop::Run() {
  CR_RETURN_IF_ERROR(parts_.training->Begin(report::Stage::kSft));
  if (parts_.leader != nullptr) {
    feed_.emplace(parts_.leader->sft_rows->size(),
                  parts_.plan.seed + 1,
                  parts_.state.sft_step * parts_.plan.sft_rows_per_step);
  }
  while (true) {
    CR_ASSIGN_OR_RETURN(const std::optional<Work> work, Next());
    if (!work) return absl::OkStatus();
    CR_RETURN_IF_ERROR(Step(*work));
    if (CheckpointIsDue(parts_.plan, parts_.state)) {
      CR_RETURN_IF_ERROR(parts_.checkpoints->Save(parts_.state, Checkpoints::Place::kInStage));
    }
  }
}

absl::StatusOr<std::optional<SftLoop::Work>> SftLoop::Next() {
  Work work;
  Header header{.kind = Header::Kind::kSftStep, .step = parts_.state.sft_step + 1};
  const bool is_complete = parts_.state.sft_step >= parts_.plan.sft_steps;
  if (parts_.leader != nullptr) {
    header.stop = parts_.leader->stop_requested();
    if (!header.stop && !is_complete) CR_RETURN_IF_ERROR(Prepare(&header, &work));
  }
  header = parts_.link->FromLeader(header);
  if (header.stop) return StoppedByASignal();
  if (is_complete) return std::nullopt;
  if (parts_.leader == nullptr) work.share = DecodeSftShare(header.share, parts_.link->rank());
  return work;
}

absl::Status SftLoop::Prepare(Header* header, Work* work) {
  CR_RETURN_IF_ERROR(parts_.checkpoints->Poll());
  work->start = parts_.leader->clock->Now();
  std::vector<SftRow> rows;
  for (int64_t i = 0; i < parts_.plan.sft_rows_per_step; ++i)
    rows.push_back((*parts_.leader->sft_rows)[static_cast<size_t>(feed_->Next().prompt)]);
  CR_ASSIGN_OR_RETURN(std::vector<SftShare> shares,
                      SpreadRows(std::move(rows),
                                 {.num_ranks = parts_.link->num_ranks(),
                                  .microbatch_tokens = parts_.plan.microbatch_tokens}));
  header->share = EncodeShares(shares);
  work->share = std::move(shares[0]);
  return absl::OkStatus();
}

absl::Status SftLoop::Step(const Work& work) {
  CR_ASSIGN_OR_RETURN(const SftStats stats, parts_.training->SftStep(work.share));
  ++parts_.state.sft_step;
  if (parts_.leader == nullptr) return absl::OkStatus();
  return parts_.leader->reporter->Report(parts_.state.sft_step, work.start, stats);
}

}  // namespace convrec::learner
