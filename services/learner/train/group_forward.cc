#include "services/learner/train/group_forward.h"

#include <torch/types.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/model/chunked_logprob.h"
#include "libs/model/group_attention.h"
#include "services/learner/batch/replay.h"

namespace convrec::learner {
namespace {

// The legal ids of every completion token; nullopt where all tokens are legal everywhere.
std::optional<model::RowSupport> SupportOf(const std::vector<TokenGroup>& groups) {
  const auto is_constrained = [](const TokenGroup& group) {
    return group.make_constraint != nullptr;
  };
  if (std::none_of(groups.begin(), groups.end(), is_constrained)) return std::nullopt;
  model::RowSupport support;
  for (const TokenGroup& group : groups) {
    for (const auto& completion : group.completions) {
      if (!group.make_constraint) {
        for (size_t t = 0; t < completion.size(); ++t) support.AddWholeRow();
        continue;
      }
      const auto constraint = group.make_constraint();
      const absl::Status status =
          Replay(constraint.get(), completion, [&support](std::span<const int32_t> legal) {
            support.AddRow(legal);
          });
      CR_CHECK(status.ok(), status.ToString());
    }
  }
  return support;
}

}  // namespace

std::vector<GroupLengths> LengthsOf(const std::vector<TokenGroup>& groups) {
  std::vector<GroupLengths> lengths;
  for (const TokenGroup& group : groups) {
    GroupLengths& entry = lengths.emplace_back();
    entry.prompt_tokens = static_cast<int64_t>(group.prompt.size());
    for (const auto& completion : group.completions) {
      entry.completion_tokens.push_back(static_cast<int64_t>(completion.size()));
    }
  }
  return lengths;
}

std::vector<TokenGroup> Select(const std::vector<TokenGroup>& groups,
                               const Microbatch& microbatch) {
  std::vector<TokenGroup> selected;
  for (const GroupSlice& slice : microbatch) {
    TokenGroup& group = selected.emplace_back();
    group.prompt = groups[slice.group].prompt;
    group.make_constraint = groups[slice.group].make_constraint;
    for (const size_t sibling : slice.siblings) {
      group.completions.push_back(groups[slice.group].completions[sibling]);
    }
  }
  return selected;
}

absl::Status CheckTokens(const std::vector<TokenGroup>& groups, int64_t vocab_size) {
  const auto is_outside = [vocab_size](int32_t id) { return id < 0 || id >= vocab_size; };
  for (size_t g = 0; g < groups.size(); ++g) {
    if (groups[g].prompt.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("group ", g, " has an empty prompt, expected at least one token"));
    }
    std::vector<std::span<const int32_t>> parts = groups[g].completions;
    parts.push_back(groups[g].prompt);
    for (const auto& part : parts) {
      const auto outside = std::find_if(part.begin(), part.end(), is_outside);
      if (outside != part.end()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "group ", g, " holds token ", *outside, ", expected 0 to ", vocab_size - 1));
      }
    }
    if (!groups[g].make_constraint) continue;
    for (size_t i = 0; i < groups[g].completions.size(); ++i) {
      const auto constraint = groups[g].make_constraint();
      const absl::Status status = Replay(constraint.get(), groups[g].completions[i], {});
      if (!status.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("completion ", i, " of group ", g, " ", std::string(status.message())));
      }
    }
  }
  return absl::OkStatus();
}

GroupLogprobs ForwardGroups(const model::Decoder& decoder,
                            const std::vector<TokenGroup>& groups,
                            const ForwardOptions& options) {
  std::vector<model::GroupShape> shapes;
  std::vector<int64_t> token_ids, targets;
  for (const TokenGroup& group : groups) {
    model::GroupShape& shape = shapes.emplace_back();
    shape.prompt_tokens = static_cast<int64_t>(group.prompt.size());
    token_ids.insert(token_ids.end(), group.prompt.begin(), group.prompt.end());
    for (const auto& completion : group.completions) {
      shape.completion_tokens.push_back(static_cast<int64_t>(completion.size()));
      token_ids.insert(token_ids.end(), completion.begin(), completion.end());
      targets.insert(targets.end(), completion.begin(), completion.end());
    }
  }
  const at::Device device = decoder.device();
  const auto to_device = [device](const std::vector<int64_t>& values) {
    return torch::tensor(values, at::kLong).to(device);
  };
  const model::GroupLayout layout(std::move(shapes));
  const std::shared_ptr<model::Attention> attention = model::MakeGroupAttention(layout, device);
  const at::Tensor hidden =
      decoder.Trunk(to_device(token_ids), to_device(layout.positions), attention.get());
  // Prompt positions and last tokens predict nothing that is trained: only M rows meet the head.
  const at::Tensor hidden_MD = hidden.index_select(0, to_device(layout.predictor_index));
  const at::Tensor head_VD = decoder.head_weight_VD();
  const at::Tensor target_M = to_device(targets);
  const std::optional<model::RowSupport> support = SupportOf(groups);
  const model::LogprobResult result =
      support ? model::ChunkedLogprob(
                    hidden_MD, head_VD, target_M, options.temperature, *support, options.chunk_rows)
              : model::ChunkedLogprob(
                    hidden_MD, head_VD, target_M, options.temperature, options.chunk_rows);
  if (decoder.keeper() != nullptr && !result.logprob_M.requires_grad()) decoder.keeper()->Release();
  return {result.logprob_M, result.entropy_M};
}

}  // namespace convrec::learner
