#include "libs/wire/lease.h"

#include <utility>

#include "libs/wire/common.h"
#include "libs/wire/fields.h"

namespace convrec::wire {

v1::Lease ToProto(const domain::Lease& lease) {
  v1::Lease message;
  *message.mutable_group() = ToProto(lease.group);
  message.set_attempt(lease.attempt);
  message.set_kind(lease.kind == domain::LeaseKind::kTraining ? v1::LEASE_KIND_TRAINING
                                                              : v1::LEASE_KIND_EVALUATION);
  message.set_version(lease.version.value);
  message.set_num_siblings(lease.num_siblings);
  *message.mutable_sampling() = ToProto(lease.sampling);
  message.mutable_prompt_token_ids()->Assign(lease.prompt.token_ids.begin(),
                                             lease.prompt.token_ids.end());
  for (const domain::Item& item : lease.prompt.ground_truth)
    *message.add_ground_truth() = ToProto(item);
  for (const std::string& title : lease.prompt.seen_titles) message.add_seen_titles(title);
  message.set_timeout_ms(absl::ToInt64Milliseconds(lease.timeout));
  return message;
}

absl::StatusOr<domain::Lease> FromProto(const v1::Lease& lease, domain::RunEpoch epoch) {
  domain::Lease value;
  value.epoch = epoch;
  const absl::StatusOr<domain::GroupId> group = FromProto(lease.group());
  if (!group.ok()) return Inside("group", group.status());
  value.group = *group;
  if (lease.attempt() < 0) return FieldError("attempt", lease.attempt(), "an integer >= 0");
  value.attempt = lease.attempt();
  switch (lease.kind()) {
    case v1::LEASE_KIND_TRAINING:
      value.kind = domain::LeaseKind::kTraining;
      break;
    case v1::LEASE_KIND_EVALUATION:
      value.kind = domain::LeaseKind::kEvaluation;
      break;
    default:
      return FieldError("kind", static_cast<int>(lease.kind()), "a known LeaseKind");
  }
  if (lease.version() < 0) return FieldError("version", lease.version(), "an integer >= 0");
  value.version = {lease.version()};
  if (lease.num_siblings() < 1)
    return FieldError("num_siblings", lease.num_siblings(), "an integer >= 1");
  value.num_siblings = lease.num_siblings();
  const absl::StatusOr<domain::SamplingParams> sampling = FromProto(lease.sampling());
  if (!sampling.ok()) return Inside("sampling", sampling.status());
  value.sampling = *sampling;

  if (lease.prompt_token_ids_size() == 0)
    return FieldError("prompt_token_ids", "empty", "at least one token");
  for (int i = 0; i < lease.prompt_token_ids_size(); ++i) {
    if (lease.prompt_token_ids(i) < 0)
      return FieldError(At("prompt_token_ids", i), lease.prompt_token_ids(i), "a token id >= 0");
  }
  value.prompt.token_ids.assign(lease.prompt_token_ids().begin(), lease.prompt_token_ids().end());
  if (lease.ground_truth_size() == 0)
    return FieldError("ground_truth", "empty", "at least one item");
  for (int i = 0; i < lease.ground_truth_size(); ++i) {
    absl::StatusOr<domain::Item> item = FromProto(lease.ground_truth(i));
    if (!item.ok()) return Inside(At("ground_truth", i), item.status());
    value.prompt.ground_truth.push_back(*std::move(item));
  }
  value.prompt.seen_titles.assign(lease.seen_titles().begin(), lease.seen_titles().end());
  if (lease.timeout_ms() <= 0)
    return FieldError("timeout_ms", lease.timeout_ms(), "an integer above 0");
  value.timeout = absl::Milliseconds(lease.timeout_ms());
  return value;
}

}  // namespace convrec::wire
