"""The board Services: where does the time go, and is everything up?"""

from panels import board, lines, number, quantiles, query


def services():
    return board(
        "convrec-services",
        "convrec / Services",
        "Where does the time go, and is everything up?",
        [
            (
                "Now",
                [
                    number(
                        "Targets down",
                        "Scrape targets of convrec that do not answer, of all runs.",
                        "short",
                        query('count(up{job=~"convrec.*"}) - sum(up{job=~"convrec.*"})', "down"),
                        decimals=0,
                        thresholds=[("red", 1)],
                    ),
                    number(
                        "Tokens trained",
                        "Tokens per second through the learner.",
                        "cps",
                        query(
                            "sum(rate(rl_learner_tokens_total{RUN}[$__rate_interval]))", "tokens"
                        ),
                        decimals=0,
                    ),
                    number(
                        "Tokens generated",
                        "Tokens per second over all rollout workers.",
                        "cps",
                        query(
                            "sum(rate(rl_rollout_generated_tokens_total{RUN}[$__rate_interval]))",
                            "tokens",
                        ),
                        decimals=0,
                    ),
                    number(
                        "Learner waits",
                        "Share of its time that the learner waits for experience.",
                        "percentunit",
                        query("avg(rl_learner_wait_ratio{RUN})", "waiting"),
                        decimals=0,
                        thresholds=[("orange", 0.3), ("red", 0.6)],
                    ),
                    number(
                        "Checkpoint age",
                        "Time since the last checkpoint.",
                        "s",
                        query(
                            "time() - max(rl_learner_last_checkpoint_timestamp_seconds{RUN} > 0)",
                            "age",
                        ),
                        thresholds=[("orange", 3600), ("red", 7200)],
                    ),
                    number(
                        "Weight digests",
                        "1 while every worker holds weights whose digest matches, else 0.",
                        "none",
                        query("min(rl_rollout_weight_digest_ok{RUN})", "all match"),
                        decimals=0,
                    ),
                ],
            ),
            (
                "Throughput",
                [
                    lines(
                        "Tokens per second",
                        "Tokens through the learner and out of the rollout workers.",
                        "cps",
                        query(
                            "sum(rate(rl_learner_tokens_total{RUN}[$__rate_interval]))", "trained"
                        ),
                        query(
                            "sum(rate(rl_rollout_generated_tokens_total{RUN}[$__rate_interval]))",
                            "generated",
                        ),
                        minimum=0,
                    ),
                    lines(
                        "Step time by stage",
                        "Mean seconds per step in each stage of the learner; the sum is the step"
                        " time.",
                        "s",
                        query(
                            "sum by (stage)"
                            " (rate(rl_learner_step_seconds_sum{RUN}[$__rate_interval])) / sum by"
                            " (stage) (rate(rl_learner_step_seconds_count{RUN}[$__rate_interval]))",
                            "{{stage}}",
                        ),
                        stack=True,
                        minimum=0,
                    ),
                    lines(
                        "Groups by outcome",
                        "Groups per second that the workers submitted, by the learner's answer.",
                        "cps",
                        query(
                            "sum by (outcome)"
                            " (rate(rl_rollout_groups_total{RUN}[$__rate_interval]))",
                            "{{outcome}}",
                        ),
                        stack=True,
                        minimum=0,
                    ),
                    lines(
                        "Groups waiting for training",
                        "Groups that the learner admitted and has not trained yet.",
                        "short",
                        query("sum(rl_buffer_depth{RUN})", "groups"),
                        minimum=0,
                    ),
                    lines(
                        "Time to generate a group",
                        "Quantiles over all rollout workers.",
                        "s",
                        *quantiles("rl_rollout_generation_seconds_bucket"),
                        minimum=0,
                    ),
                    lines(
                        "Running sequences",
                        "Sequences that are being generated, per worker.",
                        "short",
                        query(
                            "sum by (instance) (rl_rollout_running_sequences{RUN})", "{{instance}}"
                        ),
                        minimum=0,
                    ),
                    lines(
                        "Lists cut at the token limit",
                        "Lists per second that reached rollout.max_new_tokens before their end.",
                        "cps",
                        query(
                            "sum(rate(rl_rollout_truncated_total{RUN}[$__rate_interval]))",
                            "cut lists",
                        ),
                        minimum=0,
                    ),
                ],
            ),
            (
                "Weight sync",
                [
                    lines(
                        "Time of a weight sync",
                        "Quantiles over all workers.",
                        "s",
                        *quantiles("rl_weight_sync_seconds_bucket"),
                        width=12,
                        minimum=0,
                    ),
                    lines(
                        "Bytes per second",
                        "Weight bytes moved.",
                        "Bps",
                        query(
                            "sum(rate(rl_weight_sync_bytes_total{RUN}[$__rate_interval]))", "bytes"
                        ),
                        width=12,
                        minimum=0,
                    ),
                ],
            ),
            (
                "Reward service",
                [
                    lines(
                        "Calls by status",
                        "Scoring calls per second, by gRPC status.",
                        "reqps",
                        query(
                            "sum by (code) (rate(rl_reward_requests_total{RUN}[$__rate_interval]))",
                            "{{code}}",
                        ),
                        minimum=0,
                    ),
                    lines(
                        "Latency",
                        "Quantiles of a scoring call.",
                        "s",
                        *quantiles("rl_reward_request_seconds_bucket"),
                        minimum=0,
                    ),
                    lines(
                        "In flight",
                        "Scoring calls in progress, per replica; at reward.max_in_flight more are"
                        " refused.",
                        "short",
                        query("sum by (instance) (rl_reward_inflight{RUN})", "{{instance}}"),
                        minimum=0,
                    ),
                    lines(
                        "Lists scored",
                        "Lists per second, from calls and streams.",
                        "reqps",
                        query(
                            "sum(rate(rl_reward_lists_total{RUN}[$__rate_interval]))", "lists"
                        ),
                        minimum=0,
                    ),
                    lines(
                        "Refused",
                        "Calls, streams and pieces per second that were not admitted, by the bound"
                        " that was reached; callers try again.",
                        "reqps",
                        query(
                            "sum by (reason) (rate(rl_reward_refused_total{RUN}[$__rate_interval]))",
                            "{{reason}}",
                        ),
                        minimum=0,
                    ),
                    lines(
                        "Held for calls and streams",
                        "Bytes, per replica; at reward.limits.max_held_bytes more are refused.",
                        "bytes",
                        query("sum by (instance) (rl_reward_held_bytes{RUN})", "{{instance}}"),
                        minimum=0,
                    ),
                    lines(
                        "Streams",
                        "Open streams, per replica.",
                        "short",
                        query("sum by (instance) (rl_reward_streams{RUN})", "{{instance}}"),
                        minimum=0,
                    ),
                    lines(
                        "Catalog reloads",
                        "Times the catalog was read again in an hour; a refused one leaves the old"
                        " catalog in use.",
                        "short",
                        query(
                            "sum by (result)"
                            " (increase(rl_reward_catalog_reloads_total{RUN}[1h]))",
                            "{{result}}",
                        ),
                        minimum=0,
                    ),
                    lines(
                        "External rule",
                        "Calls of the external rule per second; by default, its values were not"
                        " there in time.",
                        "reqps",
                        query(
                            "sum by (result)"
                            " (rate(rl_reward_external_total{RUN}[$__rate_interval]))",
                            "{{result}}",
                        ),
                        minimum=0,
                    ),
                ],
            ),
            (
                "Processes",
                [
                    lines(
                        "Targets up",
                        "1 while a target answers its scrape, of all runs.",
                        "none",
                        query(
                            'min by (job, instance) (up{job=~"convrec.*"})', "{{job}} {{instance}}"
                        ),
                        width=12,
                        minimum=0,
                        maximum=1,
                    ),
                    lines(
                        "Versions of the program",
                        "Processes per version of convrec; more than one line means a mixed"
                        " roll-out.",
                        "short",
                        query("count by (version) (rl_build_info{RUN})", "{{version}}"),
                        width=12,
                        minimum=0,
                        decimals=0,
                    ),
                ],
            ),
        ],
    )
