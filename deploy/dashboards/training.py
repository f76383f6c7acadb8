"""The board Training: is the policy getting better, and is it still healthy?"""

from panels import board, by_position, heat, lines, number, query


def training():
    share = (
        "sum by ({0}) (rate({1}{{RUN}}[$__rate_interval])) / ignoring ({0}) group_left sum"
        " (rate({1}{{RUN}}[$__rate_interval]))"
    )
    return board(
        "convrec-training",
        "convrec / Training",
        "Is the policy getting better, and is it still healthy?",
        [
            (
                "Now",
                [
                    number(
                        "Step",
                        "Optimizer steps taken.",
                        "short",
                        query("max(rl_learner_steps_total{RUN})", "steps"),
                        decimals=0,
                    ),
                    number(
                        "Since last step",
                        "Time since the last optimizer step; the alert RLLearnerStalled fires at 15"
                        " minutes.",
                        "s",
                        query(
                            "time() - max(rl_learner_last_step_timestamp_seconds{RUN} > 0)", "age"
                        ),
                        thresholds=[("orange", 300), ("red", 900)],
                    ),
                    number(
                        "NDCG@20",
                        "NDCG@20 of the sampled lists of the last window, over all reward"
                        " replicas.",
                        "none",
                        query('avg(rl_reward_ndcg{RUN, k="20"})', "NDCG@20"),
                        decimals=4,
                    ),
                    number(
                        "KL to reference",
                        "KL of the policy to the SFT policy, the worst list position.",
                        "none",
                        query("max(rl_learner_kl_reference{RUN})", "worst position"),
                        decimals=4,
                        thresholds=[("orange", 0.2), ("red", 0.5)],
                    ),
                    number(
                        "Entropy",
                        "Mean entropy of the policy per token, in nats.",
                        "none",
                        query("avg(rl_learner_entropy{RUN})", "nats"),
                        decimals=3,
                    ),
                    number(
                        "Rollout workers",
                        "Workers that report a policy version.",
                        "short",
                        query("count(rl_rollout_policy_version{RUN})", "workers"),
                        decimals=0,
                    ),
                ],
            ),
            (
                "Reward",
                [
                    lines(
                        "NDCG@k",
                        "NDCG at each cut of the sampled lists of the last window.",
                        "none",
                        query("avg by (k) (rl_reward_ndcg{RUN})", "NDCG@{{k}}"),
                        width=12,
                        minimum=0,
                    ),
                    lines(
                        "NDCG@k of evaluations",
                        "NDCG at each cut at the last evaluation on held-out conversations.",
                        "none",
                        query("max by (k) (rl_learner_evaluation_ndcg{RUN})", "NDCG@{{k}}"),
                        width=12,
                        minimum=0,
                    ),
                    lines(
                        "Reward by list position",
                        "Mean reward of the last window at each position of the list.",
                        "none",
                        query("avg by (position) (rl_reward_value{RUN})", "position {{position}}"),
                        width=12,
                    ),
                    by_position(
                        "Reward by list position, now",
                        "Mean reward of the last window.",
                        "none",
                        "avg by (position) (rl_reward_value{RUN})",
                        decimals=3,
                    ),
                    lines(
                        "Outcome of list items",
                        "What became of the scored lines: hit, miss, off-catalog, duplicate, named"
                        " in the conversation, unparsed.",
                        "percentunit",
                        query(share.format("outcome", "rl_reward_items_total"), "{{outcome}}"),
                        stack=True,
                        minimum=0,
                        maximum=1,
                    ),
                    lines(
                        "Hit ratio by list position",
                        "Share of the items at each position that hit the ground truth.",
                        "percentunit",
                        query(
                            "sum by (position) (rate(rl_reward_items_total{RUN,"
                            ' outcome="hit"}[$__rate_interval])) / sum by (position)'
                            " (rate(rl_reward_items_total{RUN}[$__rate_interval]))",
                            "position {{position}}",
                        ),
                        minimum=0,
                    ),
                ],
            ),
            (
                "Policy",
                [
                    lines(
                        "KL to reference by list position",
                        "KL of the policy to the SFT policy at each position of the list.",
                        "none",
                        query(
                            "max by (position) (rl_learner_kl_reference{RUN})",
                            "position {{position}}",
                        ),
                        width=12,
                    ),
                    by_position(
                        "KL by list position, now",
                        "KL of the policy to the SFT policy.",
                        "none",
                        "max by (position) (rl_learner_kl_reference{RUN})",
                        width=12,
                        decimals=4,
                    ),
                    lines(
                        "Groups without spread by list position",
                        "Share of the groups whose siblings all earned the same at a position: they"
                        " teach nothing there.",
                        "percentunit",
                        query(
                            "max by (position) (rl_learner_zero_std_ratio{RUN})",
                            "position {{position}}",
                        ),
                        minimum=0,
                        maximum=1,
                    ),
                    lines(
                        "Entropy",
                        "Mean entropy of the policy per token, in nats.",
                        "none",
                        query("avg(rl_learner_entropy{RUN})", "nats per token"),
                        minimum=0,
                    ),
                    lines(
                        "Clipped share",
                        "Share of the importance ratios that the objective clipped, by side.",
                        "percentunit",
                        query("avg by (side) (rl_learner_clip_ratio{RUN})", "{{side}}"),
                        minimum=0,
                    ),
                ],
            ),
            (
                "Optimisation",
                [
                    lines(
                        "Loss by term",
                        "Terms of the objective at the last step.",
                        "none",
                        query("avg by (term) (rl_learner_loss{RUN})", "{{term}}"),
                    ),
                    lines(
                        "Gradient norm",
                        "Global gradient norm before clipping; a spike of ten times the hourly"
                        " median fires RLGradNormSpike.",
                        "none",
                        query("max(rl_learner_grad_norm{RUN})", "norm"),
                        minimum=0,
                    ),
                    lines(
                        "Learning rate",
                        "Learning rate of the last step.",
                        "sci",
                        query("max(rl_learner_learning_rate{RUN})", "learning rate"),
                    ),
                    lines(
                        "Groups dropped for zero advantage",
                        "Groups per second that had no spread at any position.",
                        "cps",
                        query(
                            "sum(rate(rl_learner_zero_advantage_groups_total{RUN}"
                            "[$__rate_interval]))",
                            "groups",
                        ),
                        minimum=0,
                    ),
                ],
            ),
            (
                "Off-policy",
                [
                    heat(
                        "Sample staleness",
                        "Policy versions between sampling and training, as a histogram over time.",
                        "none",
                        query(
                            "sum by (le)"
                            " (rate(rl_learner_sample_staleness_versions_bucket{RUN}"
                            "[$__rate_interval]))",
                            "{{le}}",
                            heatmap=True,
                        ),
                    ),
                    lines(
                        "Lag of tokens by list position",
                        "Policy versions between what drew a token and what is trained, by position"
                        " and over all tokens; weights swapped in amid a list make its end newer.",
                        "none",
                        query(
                            "avg by (position) (rl_learner_rank_token_lag_versions{RUN})",
                            "position {{position}}",
                        ),
                        query("avg(rl_learner_token_lag_versions{RUN})", "all tokens"),
                        minimum=0,
                    ),
                    lines(
                        "Versions",
                        "Policy version of the learner, and the oldest one a worker serves.",
                        "none",
                        query("max(rl_learner_policy_version{RUN})", "learner"),
                        query("min(rl_rollout_policy_version{RUN})", "oldest worker"),
                        query(
                            "max(rl_learner_policy_version{RUN}) -"
                            " max(rl_learner_staleness_limit_versions{RUN})",
                            "staleness limit",
                        ),
                        decimals=0,
                    ),
                    lines(
                        "Ratio of fresh samples",
                        "Mean importance ratio of samples at version lag 0; anything but 1 means"
                        " sampler and learner disagree.",
                        "none",
                        query("avg(rl_learner_onpolicy_ratio_mean{RUN})", "mean ratio"),
                        decimals=4,
                    ),
                    lines(
                        "Sampler gap",
                        "Difference of sampled and recomputed log-probabilities at equal weights.",
                        "sci",
                        query("max(rl_learner_sampler_logprob_gap{RUN})", "gap"),
                    ),
                    lines(
                        "Effective samples",
                        "Effective sample size over the number of tokens; 1 is fully on-policy.",
                        "percentunit",
                        query("avg(rl_learner_effective_sample_ratio{RUN})", "effective"),
                        minimum=0,
                        maximum=1,
                    ),
                    lines(
                        "Effective samples by list position",
                        "Effective sample size over the number of tokens at each position.",
                        "percentunit",
                        query(
                            "min by (position) (rl_learner_rank_effective_sample_ratio{RUN})",
                            "position {{position}}",
                        ),
                        minimum=0,
                        maximum=1,
                    ),
                    lines(
                        "Ratio and weight by list position",
                        "Mean raw importance ratio and off-policy weight at each position.",
                        "none",
                        query(
                            "avg by (position) (rl_learner_rank_ratio_mean{RUN})",
                            "ratio at {{position}}",
                        ),
                        query(
                            "avg by (position) (rl_learner_rank_correction_weight_mean{RUN})",
                            "weight at {{position}}",
                        ),
                        decimals=3,
                    ),
                    lines(
                        "Clipped and corrected share by list position",
                        "Share of tokens whose ratio was clipped, and whose weight was truncated or"
                        " masked.",
                        "percentunit",
                        query(
                            "avg by (position) (rl_learner_rank_clip_ratio{RUN})",
                            "clipped at {{position}}",
                        ),
                        query(
                            "avg by (position) (rl_learner_rank_correction_cut_ratio{RUN})",
                            "corrected at {{position}}",
                        ),
                        minimum=0,
                    ),
                    lines(
                        "Off-policy weights",
                        "Mean raw weight, policy before the step over sampling policy, and the"
                        " share truncated or masked.",
                        "none",
                        query("avg(rl_learner_correction_weight_mean{RUN})", "mean weight"),
                        query("avg(rl_learner_correction_cut_ratio{RUN})", "share cut"),
                        decimals=3,
                    ),
                    lines(
                        "Samples dropped",
                        "Samples per second that the learner refused, by reason.",
                        "cps",
                        query(
                            "sum by (reason)"
                            " (rate(rl_learner_samples_dropped_total{RUN}[$__rate_interval]))",
                            "{{reason}}",
                        ),
                        minimum=0,
                    ),
                ],
            ),
        ],
    )
