"""The Training board: is the policy getting better, and is it still healthy?"""

from panels import by_position, heat, lines, now, number, query, rate


def rows():
    share = (
        "sum by ({0}) (rate({1}{{RUN}}[$__rate_interval])) / ignoring ({0}) group_left sum"
        " (rate({1}{{RUN}}[$__rate_interval]))"
    )
    return [
        (
            "Now",
            [
                number("Step", now("rl_learner_steps_total", "steps"), unit="short", decimals=0),
                number(
                    "Since last step",
                    query("time() - max(rl_learner_last_step_timestamp_seconds{RUN} > 0)", "age"),
                    about=(
                        "Time since the last optimizer step; the alert RLLearnerStalled fires at"
                        " 15 minutes."
                    ),
                    unit="s",
                    thresholds=[("orange", 300), ("red", 900)],
                ),
                number(
                    "NDCG@20",
                    query('avg(rl_reward_ndcg{RUN, k="20"})', "NDCG@20"),
                    about=(
                        "NDCG@20 of the sampled lists of the last window, over all reward"
                        " replicas."
                    ),
                    decimals=4,
                ),
                number(
                    "KL to reference",
                    now("rl_learner_kl_reference", "worst position"),
                    about="KL of the policy to the SFT policy, the worst list position.",
                    decimals=4,
                    thresholds=[("orange", 0.2), ("red", 0.5)],
                ),
                number("Entropy", now("rl_learner_entropy", "nats"), decimals=3),
                number(
                    "Rollout workers",
                    query("count(rl_rollout_policy_version{RUN})", "workers"),
                    about="Workers that report a policy version.",
                    decimals=0,
                ),
            ],
        ),
        (
            "Reward",
            [
                lines("NDCG@k", now("rl_reward_ndcg", "NDCG@{{k}}", by="k"), width=12, minimum=0),
                lines(
                    "NDCG@k of evaluations",
                    now("rl_learner_evaluation_ndcg", "NDCG@{{k}}", by="k"),
                    about="NDCG at each cut at the last evaluation on held-out conversations.",
                    width=12,
                    minimum=0,
                ),
                lines(
                    "Reward by list position",
                    now("rl_reward_value", "position {{position}}", by="position"),
                    width=12,
                ),
                by_position("Reward by list position, now", "rl_reward_value", decimals=3),
                lines(
                    "Outcome of list items",
                    query(share.format("outcome", "rl_reward_items_total"), "{{outcome}}"),
                    about=(
                        "What became of the scored lines: hit, miss, off-catalog, duplicate, named"
                        " in the conversation, unparsed."
                    ),
                    unit="percentunit",
                    stack=True,
                    minimum=0,
                    maximum=1,
                ),
                lines(
                    "Hit ratio by list position",
                    query(
                        "sum by (position) (rate(rl_reward_items_total{RUN,"
                        ' outcome="hit"}[$__rate_interval])) / sum by (position)'
                        " (rate(rl_reward_items_total{RUN}[$__rate_interval]))",
                        "position {{position}}",
                    ),
                    about="Share of the items at each position that hit the ground truth.",
                    unit="percentunit",
                    minimum=0,
                ),
            ],
        ),
        (
            "Policy",
            [
                lines(
                    "KL to reference by list position",
                    now("rl_learner_kl_reference", "position {{position}}", by="position"),
                    width=12,
                ),
                by_position(
                    "KL by list position, now",
                    "rl_learner_kl_reference",
                    width=12,
                    decimals=4,
                ),
                lines(
                    "Groups without spread by list position",
                    now("rl_learner_zero_std_ratio", "position {{position}}", by="position"),
                    about=(
                        "Share of the groups whose siblings all earned the same at a position:"
                        " they teach nothing there."
                    ),
                    minimum=0,
                    maximum=1,
                ),
                lines("Entropy", now("rl_learner_entropy", "nats per token"), minimum=0),
                lines(
                    "Clipped share",
                    now("rl_learner_clip_ratio", "{{side}}", by="side"),
                    minimum=0,
                ),
            ],
        ),
        (
            "Optimisation",
            [
                lines("Loss by term", now("rl_learner_loss", "{{term}}", by="term")),
                lines(
                    "Gradient norm",
                    now("rl_learner_grad_norm", "norm"),
                    about=(
                        "Global gradient norm before clipping; a spike of ten times the hourly"
                        " median fires RLGradNormSpike."
                    ),
                    minimum=0,
                ),
                lines(
                    "Learning rate",
                    now("rl_learner_learning_rate", "learning rate"),
                    unit="sci",
                ),
                lines(
                    "Groups dropped for zero advantage",
                    rate("rl_learner_zero_advantage_groups_total", "groups"),
                    about="Groups per second that had no spread at any position.",
                    minimum=0,
                ),
            ],
        ),
        (
            "Off-policy",
            [
                heat(
                    "Sample staleness",
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
                    now(
                        "rl_learner_rank_token_lag_versions",
                        "position {{position}}",
                        by="position",
                    ),
                    now("rl_learner_token_lag_versions", "all tokens"),
                    about=(
                        "Policy versions between what drew a token and what is trained, by"
                        " position and over all tokens; weights swapped in amid a list make its"
                        " end newer."
                    ),
                    minimum=0,
                ),
                lines(
                    "Versions",
                    now("rl_learner_policy_version", "learner"),
                    now("rl_rollout_policy_version", "oldest worker"),
                    query(
                        "max(rl_learner_policy_version{RUN}) -"
                        " max(rl_learner_staleness_limit_versions{RUN})",
                        "staleness limit",
                    ),
                    about="Policy version of the learner, and the oldest one a worker serves.",
                    decimals=0,
                ),
                lines(
                    "Ratio of fresh samples",
                    now("rl_learner_onpolicy_ratio_mean", "mean ratio"),
                    decimals=4,
                ),
                lines("Sampler gap", now("rl_learner_sampler_logprob_gap", "gap"), unit="sci"),
                lines(
                    "Effective samples",
                    now("rl_learner_effective_sample_ratio", "effective"),
                    minimum=0,
                    maximum=1,
                ),
                lines(
                    "Effective samples by list position",
                    now(
                        "rl_learner_rank_effective_sample_ratio",
                        "position {{position}}",
                        by="position",
                    ),
                    minimum=0,
                    maximum=1,
                ),
                lines(
                    "Ratio and weight by list position",
                    now("rl_learner_rank_ratio_mean", "ratio at {{position}}", by="position"),
                    now(
                        "rl_learner_rank_correction_weight_mean",
                        "weight at {{position}}",
                        by="position",
                    ),
                    about="Mean raw importance ratio and off-policy weight at each position.",
                    decimals=3,
                ),
                lines(
                    "Clipped and corrected share by list position",
                    now("rl_learner_rank_clip_ratio", "clipped at {{position}}", by="position"),
                    now(
                        "rl_learner_rank_correction_cut_ratio",
                        "corrected at {{position}}",
                        by="position",
                    ),
                    about=(
                        "Share of tokens whose ratio was clipped, and whose weight was truncated"
                        " or masked."
                    ),
                    minimum=0,
                ),
                lines(
                    "Off-policy weights",
                    now("rl_learner_correction_weight_mean", "mean weight"),
                    now("rl_learner_correction_cut_ratio", "share cut"),
                    about=(
                        "Mean raw weight, policy before the step over sampling policy, and the"
                        " share truncated or masked."
                    ),
                    decimals=3,
                ),
                lines(
                    "Samples dropped",
                    rate("rl_learner_samples_dropped_total", "{{reason}}", by="reason"),
                    minimum=0,
                ),
            ],
        ),
    ]
