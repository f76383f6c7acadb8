// The fields of each record by name, listed once for every format that is written or read.
//
// VisitFields(record, visit) calls visit("name", field) in the order of the log; `record` may be
// const.
#pragma once

#include <type_traits>

#include "libs/report/records.h"

namespace convrec::report {

template <typename T, typename R>
concept RecordIs = std::is_same_v<std::remove_const_t<R>, T>;

template <typename R, typename Visit>
requires RecordIs<SftStep, R>
void VisitFields(R& record, Visit&& visit) {
  visit("step", record.step);
  visit("total_steps", record.total_steps);
  visit("loss", record.loss);
  visit("learning_rate", record.learning_rate);
  visit("grad_norm", record.grad_norm);
  visit("tokens", record.tokens);
  visit("tokens_per_second", record.tokens_per_second);
  visit("seconds", record.seconds);
}

template <typename R, typename Visit>
requires RecordIs<RlStep, R>
void VisitFields(R& record, Visit&& visit) {
  visit("step", record.step);
  visit("total_steps", record.total_steps);
  visit("policy_version", record.policy_version);
  visit("reward", record.reward);
  visit("reward_by_rank", record.reward_by_rank);
  visit("hits_per_list", record.hits_per_list);
  visit("ndcg20", record.ndcg20);
  visit("kl", record.kl);
  visit("kl_by_rank", record.kl_by_rank);
  visit("clip_low", record.clip_low);
  visit("clip_high", record.clip_high);
  visit("clip_by_rank", record.clip_by_rank);
  visit("entropy", record.entropy);
  visit("loss", record.loss);
  visit("grad_norm", record.grad_norm);
  visit("learning_rate", record.learning_rate);
  visit("lines", record.lines);
  visit("exact_ratio", record.exact_ratio);
  visit("repeat_ratio", record.repeat_ratio);
  visit("off_catalog_ratio", record.off_catalog_ratio);
  visit("malformed_ratio", record.malformed_ratio);
  visit("seen_ratio", record.seen_ratio);
  visit("truncated_ratio", record.truncated_ratio);
  visit("eos_ratio", record.eos_ratio);
  visit("live_rank_ratio", record.live_rank_ratio);
  visit("zero_signal_groups", record.zero_signal_groups);
  visit("resampled_groups", record.resampled_groups);
  visit("staleness_mean", record.staleness_mean);
  visit("staleness_max", record.staleness_max);
  visit("token_lag", record.token_lag);
  visit("logprob_gap", record.logprob_gap);
  visit("ratio_mean", record.ratio_mean);
  visit("ratio_min", record.ratio_min);
  visit("ratio_max", record.ratio_max);
  visit("effective_sample_ratio", record.effective_sample_ratio);
  visit("correction_mean", record.correction_mean);
  visit("correction_min", record.correction_min);
  visit("correction_max", record.correction_max);
  visit("correction_cut", record.correction_cut);
  visit("ratio_by_rank", record.ratio_by_rank);
  visit("ratio_min_by_rank", record.ratio_min_by_rank);
  visit("ratio_max_by_rank", record.ratio_max_by_rank);
  visit("effective_sample_by_rank", record.effective_sample_by_rank);
  visit("correction_by_rank", record.correction_by_rank);
  visit("correction_cut_by_rank", record.correction_cut_by_rank);
  visit("token_lag_by_rank", record.token_lag_by_rank);
  visit("zero_signal_by_rank", record.zero_signal_by_rank);
  visit("tokens", record.tokens);
  visit("tokens_per_second", record.tokens_per_second);
  visit("seconds", record.seconds);
  visit("wait_s", record.wait_s);
  visit("forward_s", record.forward_s);
  visit("backward_s", record.backward_s);
  visit("optimizer_s", record.optimizer_s);
  visit("publish_s", record.publish_s);
  visit("eta_s", record.eta_s);
  visit("workers", record.workers);
  visit("dropped_groups", record.dropped_groups);
}

template <typename R, typename Visit>
requires RecordIs<Evaluation, R>
void VisitFields(R& record, Visit&& visit) {
  visit("stage", record.stage);
  visit("split", record.split);
  visit("step", record.step);
  visit("rows", record.rows);
  visit("recall", record.recall);
  visit("ndcg", record.ndcg);
  visit("ndcg_strict", record.ndcg_strict);
  visit("in_catalog_ratio", record.in_catalog_ratio);
  visit("format_ratio", record.format_ratio);
  visit("repeat_ratio", record.repeat_ratio);
  visit("off_catalog_ratio", record.off_catalog_ratio);
  visit("lines", record.lines);
  visit("exact_ratio", record.exact_ratio);
  visit("hits_by_rank", record.hits_by_rank);
  visit("seconds", record.seconds);
}

template <typename R, typename Visit>
requires RecordIs<SampleLine, R>
void VisitFields(R& record, Visit&& visit) {
  visit("text", record.text);
  visit("outcome", record.outcome);
}

template <typename R, typename Visit>
requires RecordIs<domain::Item, R>
void VisitFields(R& record, Visit&& visit) {
  visit("title", record.title);
  visit("year", record.year);
}

template <typename R, typename Visit>
requires RecordIs<SampleList, R>
void VisitFields(R& record, Visit&& visit) {
  visit("id", record.id);
  visit("conversation", record.conversation);
  visit("ground_truth", record.ground_truth);
  visit("lines", record.lines);
}

template <typename R, typename Visit>
requires RecordIs<Samples, R>
void VisitFields(R& record, Visit&& visit) {
  visit("stage", record.stage);
  visit("step", record.step);
  visit("samples", record.samples);
}

template <typename R, typename Visit>
requires RecordIs<Event, R>
void VisitFields(R& record, Visit&& visit) { visit("text", record.text); }

}  // namespace convrec::report
