#include "services/learner/loop/sft_loop.h"

#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "services/learner/parallel/step_share.h"

namespace convrec::learner {

absl::Status SftLoop::Begin() {
  Tell(parts_, {.what = "preparing supervised fine-tuning"});
  CR_RETURN_IF_ERROR(parts_.training->Begin(report::Stage::kSft));
  if (parts_.leader != nullptr) {
    feed_.emplace(parts_.leader->sft_rows->size(),
                  parts_.plan.seed + 1,
                  parts_.state.sft_step * parts_.plan.sft_rows_per_step);
  }
  return absl::OkStatus();
}

absl::Status SftLoop::Prepare(Header* header) {
  CR_RETURN_IF_ERROR(parts_.checkpoints->Poll());
  start_ = parts_.leader->clock->Now();
  std::vector<SftRow> rows;
  for (int64_t i = 0; i < parts_.plan.sft_rows_per_step; ++i)
    rows.push_back((*parts_.leader->sft_rows)[static_cast<size_t>(feed_->Next().prompt)]);
  CR_ASSIGN_OR_RETURN(std::vector<SftShare> shares,
                      SpreadRows(std::move(rows),
                                 {.num_ranks = parts_.link->num_ranks(),
                                  .microbatch_tokens = parts_.plan.microbatch_tokens}));
  header->share = EncodeShares(shares);
  share_ = std::move(shares[0]);
  return absl::OkStatus();
}

void SftLoop::Receive(const Header& header) {
  share_ = DecodeSftShare(header.share, parts_.link->rank());
}

absl::Status SftLoop::Step() {
  Tell(parts_,
       {.kind = report::Activity::Kind::kTraining,
        .stage = "SFT",
        .step = parts_.state.sft_step + 1,
        .total_steps = parts_.plan.sft_steps});
  CR_ASSIGN_OR_RETURN(const SftStats stats, parts_.training->SftStep(share_));
  ++parts_.state.sft_step;
  if (parts_.leader == nullptr) return absl::OkStatus();
  return parts_.leader->reporter->Report(parts_.state.sft_step, start_, stats);
}

}  // namespace convrec::learner
