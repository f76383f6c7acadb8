"""The Services board: where does the time go, and is everything up?"""

from panels import lines, now, number, quantiles, query, rate


def rows():
    return [
        (
            "Now",
            [
                number(
                    "Targets down",
                    query('count(up{job=~"convrec.*"}) - sum(up{job=~"convrec.*"})', "down"),
                    about="Scrape targets of convrec that do not answer, of all runs.",
                    decimals=0,
                    thresholds=[("red", 1)],
                ),
                number(
                    "Tokens trained",
                    rate("rl_learner_tokens_total", "tokens"),
                    about="Tokens per second through the learner.",
                    decimals=0,
                ),
                number(
                    "Tokens generated",
                    rate("rl_rollout_generated_tokens_total", "tokens"),
                    about="Tokens per second over all rollout workers.",
                    decimals=0,
                ),
                number(
                    "Learner waits",
                    now("rl_learner_wait_ratio", "waiting"),
                    decimals=0,
                    thresholds=[("orange", 0.3), ("red", 0.6)],
                ),
                number(
                    "Checkpoint age",
                    query(
                        "time() - max(rl_learner_last_checkpoint_timestamp_seconds{RUN} > 0)",
                        "age",
                    ),
                    about="Time since the last checkpoint.",
                    unit="s",
                    thresholds=[("orange", 3600), ("red", 7200)],
                ),
                number(
                    "Weight digests",
                    now("rl_rollout_weight_digest_ok", "all match"),
                    decimals=0,
                ),
            ],
        ),
        (
            "Throughput",
            [
                lines(
                    "Tokens per second",
                    rate("rl_learner_tokens_total", "trained"),
                    rate("rl_rollout_generated_tokens_total", "generated"),
                    about="Tokens through the learner and out of the rollout workers.",
                    minimum=0,
                ),
                lines(
                    "Step time by stage",
                    query(
                        "sum by (stage)"
                        " (rate(rl_learner_step_seconds_sum{RUN}[$__rate_interval])) / sum by"
                        " (stage) (rate(rl_learner_step_seconds_count{RUN}[$__rate_interval]))",
                        "{{stage}}",
                    ),
                    about=(
                        "Mean seconds per step in each stage of the learner; the sum is the step"
                        " time."
                    ),
                    stack=True,
                    minimum=0,
                ),
                lines(
                    "Groups by outcome",
                    rate("rl_rollout_groups_total", "{{outcome}}", by="outcome"),
                    stack=True,
                    minimum=0,
                ),
                lines("Groups waiting for training", now("rl_buffer_depth", "groups"), minimum=0),
                lines(
                    "Time to generate a group",
                    *quantiles("rl_rollout_generation_seconds_bucket"),
                    minimum=0,
                ),
                lines(
                    "Running sequences",
                    now("rl_rollout_running_sequences", "{{instance}}", by="instance"),
                    about="Sequences that are being generated, per worker.",
                    minimum=0,
                ),
                lines(
                    "Lists cut at the token limit",
                    rate("rl_rollout_truncated_total", "cut lists"),
                    minimum=0,
                ),
            ],
        ),
        (
            "Weight sync",
            [
                lines(
                    "Time of a weight sync",
                    *quantiles("rl_weight_sync_seconds_bucket"),
                    width=12,
                    minimum=0,
                ),
                lines(
                    "Bytes per second",
                    rate("rl_weight_sync_bytes_total", "bytes"),
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
                    rate("rl_reward_requests_total", "{{code}}", by="code"),
                    minimum=0,
                ),
                lines("Latency", *quantiles("rl_reward_request_seconds_bucket"), minimum=0),
                lines(
                    "In flight",
                    now("rl_reward_inflight", "{{instance}}", by="instance"),
                    about=(
                        "Scoring calls in progress, per replica; at reward.max_in_flight more are"
                        " refused."
                    ),
                    minimum=0,
                ),
                lines("Lists scored", rate("rl_reward_lists_total", "lists"), minimum=0),
                lines(
                    "Refused",
                    rate("rl_reward_refused_total", "{{reason}}", by="reason"),
                    about=(
                        "Calls per second that were not admitted, by the limit that was reached;"
                        " callers try again."
                    ),
                    minimum=0,
                ),
                lines(
                    "Held for calls",
                    now("rl_reward_held_bytes", "{{instance}}", by="instance"),
                    about="Bytes, per replica; at reward.limits.max_held_bytes more are refused.",
                    minimum=0,
                ),
                lines(
                    "Catalog reloads",
                    query(
                        "sum by (result) (increase(rl_reward_catalog_reloads_total{RUN}[1h]))",
                        "{{result}}",
                    ),
                    about=(
                        "Times the catalog was read again in an hour; a refused one leaves the old"
                        " catalog in use."
                    ),
                    unit="short",
                    minimum=0,
                ),
                lines(
                    "External rule",
                    rate("rl_reward_external_total", "{{result}}", by="result"),
                    about=(
                        "Calls to the external rule per second; by default, its values were not"
                        " there in time."
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
                    query('min by (job, instance) (up{job=~"convrec.*"})', "{{job}} {{instance}}"),
                    about="1 while a target answers its scrape, of all runs.",
                    width=12,
                    minimum=0,
                    maximum=1,
                ),
                lines(
                    "Versions of the program",
                    query("count by (version) (rl_build_info{RUN})", "{{version}}"),
                    about=(
                        "Processes per version of convrec; more than one line means a mixed"
                        " roll-out."
                    ),
                    width=12,
                    minimum=0,
                    decimals=0,
                ),
            ],
        ),
    ]
