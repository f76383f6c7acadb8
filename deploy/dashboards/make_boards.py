#!/usr/bin/env python3
"""Writes the Grafana boards: make_boards.py OUT_FOLDER. Needs nothing but Python.

The JSON is committed; deploy/checks makes it anew and compares, so a board is changed here and never
in the file. A panel says what it shows in one sentence; the metrics it reads are appended to its
description, and every query is limited to the chosen run.
"""

import json
import pathlib
import re
import sys

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
RUN = 'run=~"$run"'


def query(expr, legend, heatmap=False):
    """A target; RUN in the expression stands for the matcher of the chosen run."""
    target = {
        "datasource": DATASOURCE,
        "expr": expr.replace("RUN", RUN),
        "legendFormat": legend,
        "range": True,
    }
    if heatmap:
        target["format"] = "heatmap"
    return target


def panel(kind, title, description, unit, targets, width=8, height=8, decimals=None, options=None,
          custom=None, minimum=None, maximum=None, thresholds=None, instant=False):
    names = sorted({name for target in targets for name in re.findall(r"\brl_\w+|\bup\b", target["expr"])})
    defaults = {"unit": unit, "noValue": "No traffic", "custom": custom or {}}
    for key, value in (("decimals", decimals), ("min", minimum), ("max", maximum)):
        if value is not None:
            defaults[key] = value
    if thresholds:
        steps = [{"color": "green", "value": None}]
        steps += [{"color": color, "value": value} for color, value in thresholds]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    targets = [dict(target, refId=chr(ord("A") + i)) for i, target in enumerate(targets)]
    if instant:
        for target in targets:
            target["instant"], target["range"] = True, False
    return {
        "type": kind,
        "title": title,
        "description": f"{description} Metrics: {', '.join(names)}.",
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options or {},
        "targets": targets,
        "gridPos": {"w": width, "h": height},
    }


def lines(title, description, unit, *targets, stack=False, **more):
    """A time series."""
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": 60000}
    if stack:
        custom.update(fillOpacity=40, stacking={"mode": "normal", "group": "A"})
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, description, unit, targets, custom=custom, options=options, **more)


def number(title, description, unit, *targets, **more):
    """The present value, large."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value" if more.get("thresholds") else "none",
        "graphMode": "area",
        "textMode": "auto",
    }
    return panel("stat", title, description, unit, targets, width=4, height=4, options=options, **more)


def by_position(title, description, unit, expr, **more):
    """One bar per list position, for the present: the top of the list is left."""
    # Bars are ordered by text, so "1" becomes "01"; "overflow" comes last by itself.
    target = query(f'label_replace({expr}, "position", "0$1", "position", "([0-9])")', "{{position}}")
    target["format"] = "table"
    options = {
        "xField": "position",
        "orientation": "auto",
        "showValue": "never",
        "stacking": "none",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    bars = panel("barchart", title, description, unit, [target], options=options, instant=True, **more)
    bars["transformations"] = [
        {"id": "organize", "options": {"excludeByName": {"Time": True}}},
        {"id": "sortBy", "options": {"sort": [{"field": "position"}]}},
    ]
    return bars


def heat(title, description, unit, *targets, **more):
    """A histogram over time."""
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
        "cellGap": 1,
        "yAxis": {"unit": unit, "axisPlacement": "left"},
        "tooltip": {"mode": "single"},
        "legend": {"show": True},
    }
    return panel("heatmap", title, description, unit, targets, options=options, **more)


def quantiles(bucket):
    """Three quantiles of a histogram of the chosen run."""
    return [
        query(f"histogram_quantile({q}, sum by (le) (rate({bucket}{{RUN}}[$__rate_interval])))", f"{int(q * 100)} %")
        for q in (0.5, 0.95, 0.99)
    ]


def board(uid, title, description, rows):
    """Lays the panels of each (row title, panels) from left to right, 24 columns wide."""
    panels, y = [], 0
    for row_title, row_panels in rows:
        panels.append({"type": "row", "title": row_title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        x, y, height = 0, y + 1, 0
        for item in row_panels:
            place = item["gridPos"]
            if x + place["w"] > 24:
                x, y, height = 0, y + height, 0
            item["gridPos"] = {"x": x, "y": y, **place}
            x, height = x + place["w"], max(height, place["h"])
            panels.append(item)
        y += height
    for number_, item in enumerate(panels, 1):
        item["id"] = number_
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["convrec"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "schemaVersion": 39,
        "version": 1,
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [{"type": "dashboards", "title": "convrec", "tags": ["convrec"], "asDropdown": False,
                   "includeVars": True, "keepTime": True, "targetBlank": False, "icon": "external link",
                   "tooltip": "The other boards, same run and time", "url": ""}],
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
             "refresh": 1, "multi": False, "includeAll": False, "hide": 0, "regex": "", "options": [], "current": {}},
            {"name": "run", "label": "Run", "type": "query", "datasource": DATASOURCE,
             "definition": "label_values(rl_build_info, run)",
             "query": {"query": "label_values(rl_build_info, run)", "refId": "run"},
             "refresh": 2, "sort": 2, "multi": False, "includeAll": False, "hide": 0, "regex": "", "options": [],
             "current": {}},
        ]},
        "panels": panels,
    }


def training():
    share = "sum by ({0}) (rate({1}{{RUN}}[$__rate_interval])) / ignoring ({0}) group_left sum (rate({1}{{RUN}}[$__rate_interval]))"
    return board("convrec-training", "convrec / Training", "Is the policy getting better, and is it still healthy?", [
        ("Now", [
            number("Step", "Optimizer steps taken.", "short",
                   query("max(rl_learner_steps_total{RUN})", "steps"), decimals=0),
            number("Since last step", "Time since the last optimizer step; the alert RLLearnerStalled fires at 15 minutes.", "s",
                   query("time() - max(rl_learner_last_step_timestamp_seconds{RUN} > 0)", "age"),
                   thresholds=[("orange", 300), ("red", 900)]),
            number("NDCG@20", "NDCG@20 of the sampled lists of the last window, over all reward replicas.", "none",
                   query('avg(rl_reward_ndcg{RUN, k="20"})', "NDCG@20"), decimals=4),
            number("KL to reference", "KL of the policy to the SFT policy, the worst list position.", "none",
                   query("max(rl_learner_kl_reference{RUN})", "worst position"), decimals=4,
                   thresholds=[("orange", 0.2), ("red", 0.5)]),
            number("Entropy", "Mean entropy of the policy per token, in nats.", "none",
                   query("avg(rl_learner_entropy{RUN})", "nats"), decimals=3),
            number("Rollout workers", "Workers that report a policy version.", "short",
                   query("count(rl_rollout_policy_version{RUN})", "workers"), decimals=0),
        ]),
        ("Reward", [
            lines("NDCG@k", "NDCG at each cut of the sampled lists of the last window.", "none",
                  query("avg by (k) (rl_reward_ndcg{RUN})", "NDCG@{{k}}"), width=12, minimum=0),
            lines("Reward by list position", "Mean reward of the last window at each position of the list.", "none",
                  query("avg by (position) (rl_reward_value{RUN})", "position {{position}}"), width=12),
            by_position("Reward by list position, now", "Mean reward of the last window.", "none",
                        "avg by (position) (rl_reward_value{RUN})", decimals=3),
            lines("Outcome of list items", "What became of the scored lines: hit, miss, off-catalog, duplicate, named in the conversation, unparsed.",
                  "percentunit",
                  query(share.format("outcome", "rl_reward_items_total"), "{{outcome}}"), stack=True, minimum=0, maximum=1),
            lines("Hit ratio by list position", "Share of the items at each position that hit the ground truth.", "percentunit",
                  query('sum by (position) (rate(rl_reward_items_total{RUN, outcome="hit"}[$__rate_interval]))'
                        " / sum by (position) (rate(rl_reward_items_total{RUN}[$__rate_interval]))",
                        "position {{position}}"), minimum=0),
        ]),
        ("Policy", [
            lines("KL to reference by list position", "KL of the policy to the SFT policy at each position of the list.", "none",
                  query("max by (position) (rl_learner_kl_reference{RUN})", "position {{position}}"), width=12),
            by_position("KL by list position, now", "KL of the policy to the SFT policy.", "none",
                        "max by (position) (rl_learner_kl_reference{RUN})", width=12, decimals=4),
            lines("Groups without spread by list position",
                  "Share of the groups whose siblings all earned the same at a position: they teach nothing there.", "percentunit",
                  query("max by (position) (rl_learner_zero_std_ratio{RUN})", "position {{position}}"),
                  minimum=0, maximum=1),
            lines("Entropy", "Mean entropy of the policy per token, in nats.", "none",
                  query("avg(rl_learner_entropy{RUN})", "nats per token"), minimum=0),
            lines("Clipped share", "Share of the importance ratios that the objective clipped, by side.", "percentunit",
                  query("avg by (side) (rl_learner_clip_ratio{RUN})", "{{side}}"), minimum=0),
        ]),
        ("Optimisation", [
            lines("Loss by term", "Terms of the objective at the last step.", "none",
                  query("avg by (term) (rl_learner_loss{RUN})", "{{term}}")),
            lines("Gradient norm", "Global gradient norm before clipping; a spike of ten times the hourly median fires RLGradNormSpike.", "none",
                  query("max(rl_learner_grad_norm{RUN})", "norm"), minimum=0),
            lines("Learning rate", "Learning rate of the last step.", "sci",
                  query("max(rl_learner_learning_rate{RUN})", "learning rate")),
            lines("Groups dropped for zero advantage", "Groups per second that had no spread at any position.", "cps",
                  query("sum(rate(rl_learner_zero_advantage_groups_total{RUN}[$__rate_interval]))", "groups"), minimum=0),
        ]),
        ("Off-policy", [
            heat("Sample staleness", "Policy versions between sampling and training, as a histogram over time.", "none",
                 query("sum by (le) (rate(rl_learner_sample_staleness_versions_bucket{RUN}[$__rate_interval]))", "{{le}}", heatmap=True)),
            lines("Versions", "Policy version of the learner, and the oldest one a worker serves.", "none",
                  query("max(rl_learner_policy_version{RUN})", "learner"),
                  query("min(rl_rollout_policy_version{RUN})", "oldest worker"),
                  query("max(rl_learner_policy_version{RUN}) - max(rl_learner_staleness_limit_versions{RUN})", "staleness limit"),
                  decimals=0),
            lines("Ratio of fresh samples", "Mean importance ratio of samples at version lag 0; anything but 1 means sampler and learner disagree.", "none",
                  query("avg(rl_learner_onpolicy_ratio_mean{RUN})", "mean ratio"), decimals=4),
            lines("Sampler gap", "Mean absolute difference of sampled and recomputed log-probabilities.", "sci",
                  query("avg(rl_learner_sampler_logprob_gap{RUN})", "mean gap")),
            lines("Samples dropped", "Samples per second that the learner refused, by reason.", "cps",
                  query("sum by (reason) (rate(rl_learner_samples_dropped_total{RUN}[$__rate_interval]))", "{{reason}}"), minimum=0),
        ]),
    ])


def services():
    return board("convrec-services", "convrec / Services", "Where does the time go, and is everything up?", [
        ("Now", [
            number("Targets down", "Scrape targets of convrec that do not answer, of all runs.", "short",
                   query('count(up{job=~"convrec.*"}) - sum(up{job=~"convrec.*"})', "down"), decimals=0,
                   thresholds=[("red", 1)]),
            number("Tokens trained", "Tokens per second through the learner.", "cps",
                   query("sum(rate(rl_learner_tokens_total{RUN}[$__rate_interval]))", "tokens"), decimals=0),
            number("Tokens generated", "Tokens per second over all rollout workers.", "cps",
                   query("sum(rate(rl_rollout_generated_tokens_total{RUN}[$__rate_interval]))", "tokens"), decimals=0),
            number("Learner waits", "Share of its time that the learner waits for experience.", "percentunit",
                   query("avg(rl_learner_wait_ratio{RUN})", "waiting"), decimals=0,
                   thresholds=[("orange", 0.3), ("red", 0.6)]),
            number("Checkpoint age", "Time since the last checkpoint.", "s",
                   query("time() - max(rl_learner_last_checkpoint_timestamp_seconds{RUN} > 0)", "age"),
                   thresholds=[("orange", 3600), ("red", 7200)]),
            number("Weight digests", "1 while every worker holds weights whose digest matches, else 0.", "none",
                   query("min(rl_rollout_weight_digest_ok{RUN})", "all match"), decimals=0),
        ]),
        ("Throughput", [
            lines("Tokens per second", "Tokens through the learner and out of the rollout workers.", "cps",
                  query("sum(rate(rl_learner_tokens_total{RUN}[$__rate_interval]))", "trained"),
                  query("sum(rate(rl_rollout_generated_tokens_total{RUN}[$__rate_interval]))", "generated"), minimum=0),
            lines("Step time by stage", "Mean seconds per step in each stage of the learner; the sum is the step time.", "s",
                  query("sum by (stage) (rate(rl_learner_step_seconds_sum{RUN}[$__rate_interval]))"
                        " / sum by (stage) (rate(rl_learner_step_seconds_count{RUN}[$__rate_interval]))", "{{stage}}"),
                  stack=True, minimum=0),
            lines("Groups by outcome", "Groups per second that the workers submitted, by the learner's answer.", "cps",
                  query("sum by (outcome) (rate(rl_rollout_groups_total{RUN}[$__rate_interval]))", "{{outcome}}"),
                  stack=True, minimum=0),
            lines("Time to generate a group", "Quantiles over all rollout workers.", "s",
                  *quantiles("rl_rollout_generation_seconds_bucket"), minimum=0),
            lines("Running sequences", "Sequences that are being generated, per worker.", "short",
                  query("sum by (instance) (rl_rollout_running_sequences{RUN})", "{{instance}}"), minimum=0),
            lines("Lists cut at the token limit", "Lists per second that reached rollout.max_new_tokens before their end.", "cps",
                  query("sum(rate(rl_rollout_truncated_total{RUN}[$__rate_interval]))", "cut lists"), minimum=0),
        ]),
        ("Weight sync", [
            lines("Time of a weight sync", "Quantiles over all workers.", "s", *quantiles("rl_weight_sync_seconds_bucket"),
                  width=12, minimum=0),
            lines("Bytes per second", "Weight bytes moved.", "Bps",
                  query("sum(rate(rl_weight_sync_bytes_total{RUN}[$__rate_interval]))", "bytes"), width=12, minimum=0),
        ]),
        ("Reward service", [
            lines("Calls by status", "Scoring calls per second, by gRPC status.", "reqps",
                  query("sum by (code) (rate(rl_reward_requests_total{RUN}[$__rate_interval]))", "{{code}}"), minimum=0),
            lines("Latency", "Quantiles of a scoring call.", "s", *quantiles("rl_reward_request_seconds_bucket"), minimum=0),
            lines("In flight", "Scoring calls in progress, per replica; at reward.max_in_flight more are refused.", "short",
                  query("sum by (instance) (rl_reward_inflight{RUN})", "{{instance}}"), minimum=0),
        ]),
        ("Processes", [
            lines("Targets up", "1 while a target answers its scrape, of all runs.", "none",
                  query('min by (job, instance) (up{job=~"convrec.*"})', "{{job}} {{instance}}"), width=12, minimum=0, maximum=1),
            lines("Versions of the program", "Processes per version of convrec; more than one line means a mixed roll-out.", "short",
                  query("count by (version) (rl_build_info{RUN})", "{{version}}"), width=12, minimum=0, decimals=0),
        ]),
    ])


def main():
    if len(sys.argv) != 2:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    out = pathlib.Path(sys.argv[1])
    for name, content in (("training", training()), ("services", services())):
        (out / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
