// The YAML key of every member of run_options.h, once: VisitFields(options, visit) calls
// visit(key, member) for each member in the order of proto/config.proto.
#pragma once

#include "libs/config/run_options.h"

namespace convrec::config {

template <typename Visitor>
void VisitFields(ModelOptions& options, Visitor& visit) {
  visit("path", options.path);
  visit("chat_format", options.chat_format);
  visit("chat_date", options.chat_date);
  visit("device", options.device);
  visit("wire_type", options.wire_type);
}

template <typename Visitor>
void VisitFields(DataSplitOptions& options, Visitor& visit) {
  visit("path", options.path);
  visit("skip", options.skip);
  visit("take", options.take);
}

template <typename Visitor>
void VisitFields(WorldOptions& options, Visitor& visit) {
  visit("seed", options.seed);
  visit("sft_rows", options.sft_rows);
  visit("train_rows", options.train_rows);
  visit("validation_rows", options.validation_rows);
  visit("test_rows", options.test_rows);
  visit("vocab_size", options.vocab_size);
  visit("hidden_size", options.hidden_size);
  visit("num_layers", options.num_layers);
  visit("num_heads", options.num_heads);
  visit("intermediate_size", options.intermediate_size);
}

template <typename Visitor>
void VisitFields(DataOptions& options, Visitor& visit) {
  visit("catalog", options.catalog);
  visit("sft", options.sft);
  visit("train", options.train);
  visit("validation", options.validation);
  visit("test", options.test);
  visit("sft_targets", options.sft_targets);
  visit("instruction", options.instruction);
  visit("num_ranks", options.num_ranks);
  visit("numbered_lists", options.numbered_lists);
  visit("max_prompt_tokens", options.max_prompt_tokens);
  visit("keep", options.keep);
  visit("world", options.world);
}

template <typename Visitor>
void VisitFields(RewardTermsOptions& options, Visitor& visit) {
  visit("exp_inf", options.exp_inf);
  visit("exp", options.exp);
  visit("log_decay", options.log_decay);
  visit("dcg", options.dcg);
  visit("format", options.format);
  visit("length", options.length);
  visit("novelty", options.novelty);
  visit("diversity", options.diversity);
}

template <typename Visitor>
void VisitFields(ExternalRuleOptions& options, Visitor& visit) {
  visit("address", options.address);
  visit("weight", options.weight);
  visit("timeout_s", options.timeout);
  visit("default_value", options.default_value);
}

template <typename Visitor>
void VisitFields(RewardLimitsOptions& options, Visitor& visit) {
  visit("max_calls_per_client", options.max_calls_per_client);
  visit("max_streams", options.max_streams);
  visit("max_message_bytes", options.max_message_bytes);
  visit("max_lists", options.max_lists);
  visit("max_lines", options.max_lines);
  visit("max_list_bytes", options.max_list_bytes);
  visit("max_held_bytes", options.max_held_bytes);
  visit("stream_idle_timeout_s", options.stream_idle_timeout);
}

template <typename Visitor>
void VisitFields(MatchingOptions& options, Visitor& visit) {
  visit("catalog_year_tolerance", options.catalog_year_tolerance);
  visit("fuzzy", options.fuzzy);
  visit("fuzzy_threshold", options.fuzzy_threshold);
}

template <typename Visitor>
void VisitFields(RewardOptions& options, Visitor& visit) {
  visit("listen", options.listen);
  visit("rule", options.rule);
  visit("gamma", options.gamma);
  visit("year_tolerance", options.year_tolerance);
  visit("duplicate_reward", options.duplicate_reward);
  visit("off_catalog_reward", options.off_catalog_reward);
  visit("seen_reward", options.seen_reward);
  visit("malformed_reward", options.malformed_reward);
  visit("max_in_flight", options.max_in_flight);
  visit("evaluation_cut", options.evaluation_cut);
  visit("rule_weight", options.rule_weight);
  visit("discounts", options.discounts);
  visit("terms", options.terms);
  visit("external", options.external);
  visit("threads", options.threads);
  visit("catalog_poll_s", options.catalog_poll);
  visit("limits", options.limits);
  visit("matching", options.matching);
}

template <typename Visitor>
void VisitFields(RolloutOptions& options, Visitor& visit) {
  visit("learner_address", options.learner_address);
  visit("reward_address", options.reward_address);
  visit("health_listen", options.health_listen);
  visit("workers", options.workers);
  visit("siblings", options.siblings);
  visit("temperature", options.temperature);
  visit("max_new_tokens", options.max_new_tokens);
  visit("max_groups", options.max_groups);
  visit("threads", options.threads);
  visit("reward_timeout_s", options.reward_timeout);
  visit("compute_type", options.compute_type);
  visit("kv_cache_mb", options.kv_cache_mb);
  visit("prefill_tokens", options.prefill_tokens);
  visit("swap_mode", options.swap_mode);
  visit("constrained", options.constrained);
  visit("keep_weights", options.keep_weights);
}

template <typename Visitor>
void VisitFields(ObjectiveOptions& options, Visitor& visit) {
  visit("method", options.method);
  visit("ratio_unit", options.ratio_unit);
  visit("advantage_unit", options.advantage_unit);
  visit("list_reward", options.list_reward);
  visit("loss_type", options.loss_type);
  visit("clip_low", options.clip_low);
  visit("clip_high", options.clip_high);
  visit("ratio_cap", options.ratio_cap);
  visit("kl_beta", options.kl_beta);
  visit("kl_estimator", options.kl_estimator);
  visit("entropy_weight", options.entropy_weight);
  visit("scale_rewards", options.scale_rewards);
  visit("std_epsilon", options.std_epsilon);
  visit("std", options.std);
  visit("end_of_list_reward", options.end_of_list_reward);
  visit("extra_token_penalty", options.extra_token_penalty);
  visit("early_stop_penalty", options.early_stop_penalty);
  visit("truncation_penalty", options.truncation_penalty);
  visit("mask_truncated", options.mask_truncated);
  visit("correction", options.correction);
  visit("correction_unit", options.correction_unit);
  visit("correction_pooling", options.correction_pooling);
  visit("correction_min", options.correction_min);
  visit("correction_max", options.correction_max);
  visit("dynamic_sampling", options.dynamic_sampling);
  visit("max_resampled", options.max_resampled);
}

template <typename Visitor>
void VisitFields(OptimizerOptions& options, Visitor& visit) {
  visit("learning_rate", options.learning_rate);
  visit("beta1", options.beta1);
  visit("beta2", options.beta2);
  visit("epsilon", options.epsilon);
  visit("weight_decay", options.weight_decay);
  visit("max_grad_norm", options.max_grad_norm);
  visit("schedule", options.schedule);
  visit("warmup_steps", options.warmup_steps);
  visit("final_ratio", options.final_ratio);
  visit("drop_every", options.drop_every);
  visit("drop_factor", options.drop_factor);
}

template <typename Visitor>
void VisitFields(SftOptions& options, Visitor& visit) {
  visit("steps", options.steps);
  visit("rows_per_step", options.rows_per_step);
  visit("optimizer", options.optimizer);
  visit("max_tokens", options.max_tokens);
}

template <typename Visitor>
void VisitFields(CheckpointOptions& options, Visitor& visit) {
  visit("every_steps", options.every_steps);
  visit("keep", options.keep);
  visit("keep_best", options.keep_best);
}

template <typename Visitor>
void VisitFields(PublishOptions& options, Visitor& visit) {
  visit("delta_bases", options.delta_bases);
  visit("shared_memory", options.shared_memory);
  visit("fanout", options.fanout);
  visit("broadcast", options.broadcast);
}

template <typename Visitor>
void VisitFields(LoraOptions& options, Visitor& visit) {
  visit("rank", options.rank);
  visit("alpha", options.alpha);
  visit("targets", options.targets);
}

template <typename Visitor>
void VisitFields(LearnerOptions& options, Visitor& visit) {
  visit("listen", options.listen);
  visit("threads", options.threads);
  visit("steps", options.steps);
  visit("groups_per_step", options.groups_per_step);
  visit("max_staleness", options.max_staleness);
  visit("updates_per_batch", options.updates_per_batch);
  visit("lease_timeout_s", options.lease_timeout);
  visit("starvation_timeout_s", options.starvation_timeout);
  visit("microbatch_tokens", options.microbatch_tokens);
  visit("activation_checkpointing", options.activation_checkpointing);
  visit("compute_type", options.compute_type);
  visit("ranks", options.ranks);
  visit("zero_stage", options.zero_stage);
  visit("collective_timeout_s", options.collective_timeout);
  visit("lora", options.lora);
  visit("objective", options.objective);
  visit("optimizer", options.optimizer);
  visit("sft", options.sft);
  visit("checkpoint", options.checkpoint);
  visit("publish", options.publish);
}

template <typename Visitor>
void VisitFields(EvaluationOptions& options, Visitor& visit) {
  visit("every_steps", options.every_steps);
  visit("rows", options.rows);
  visit("max_new_tokens", options.max_new_tokens);
  visit("zero_shot", options.zero_shot);
  visit("samples", options.samples);
  visit("constrained", options.constrained);
}

template <typename Visitor>
void VisitFields(TelemetryOptions& options, Visitor& visit) {
  visit("metrics_listen", options.metrics_listen);
  visit("ports_dir", options.ports_dir);
}

template <typename Visitor>
void VisitFields(RunOptions& options, Visitor& visit) {
  visit("name", options.name);
  visit("run_dir", options.run_dir);
  visit("seed", options.seed);
  visit("compat", options.compat);
  visit("model", options.model);
  visit("data", options.data);
  visit("reward", options.reward);
  visit("rollout", options.rollout);
  visit("learner", options.learner);
  visit("evaluation", options.evaluation);
  visit("telemetry", options.telemetry);
}

}  // namespace convrec::config
