"""Grafana boards: made by their script, complete, and answered by series that are exported."""

import itertools
import json
import pathlib
import re
import sys
import tempfile

import yaml

import exported
from paths import DEPLOY, call, relative, tool

BOARDS = DEPLOY / "grafana" / "boards"
GENERATOR = DEPLOY / "dashboards" / "make_boards.py"
UNITS = {"short", "none", "s", "percentunit", "cps", "reqps", "Bps", "bytes", "sci"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def files():
    return sorted(BOARDS.glob("*.json"))


def check_generated():
    with tempfile.TemporaryDirectory() as folder:
        problems, _ = call(sys.executable, str(GENERATOR), folder)
        made = {path.name: path.read_text() for path in pathlib.Path(folder).iterdir()}
    kept = {path.name: path.read_text() for path in files()}
    for name in sorted(set(made) | set(kept)):
        if made.get(name) != kept.get(name):
            problems.append(f"{relative(BOARDS / name)} is not what {relative(GENERATOR)} writes")
    return problems


def _panels(board):
    return [one for one in board["panels"] if one["type"] != "row"]


def check_lint(text):
    problems, metrics, board = [], exported.load(), json.loads(text)
    variables = {one["name"]: one for one in board["templating"]["list"]}
    if set(variables) != {"datasource", "run"}:
        problems.append(f"variables are {sorted(variables)}, not datasource and run")
    elif variables["run"]["query"]["query"] != "label_values(rl_build_info, run)":
        problems.append("the variable run does not list the runs of rl_build_info")
    if not board.get("links"):
        problems.append("no links to the other boards")
    ids = [one["id"] for one in board["panels"]]
    if len(set(ids)) != len(ids):
        problems.append("panel ids repeat")
    places = set()
    for one in board["panels"]:
        place = one["gridPos"]
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]),
                range(place["y"], place["y"] + place["h"]),
            )
        )
        if cells & places or place["x"] + place["w"] > 24:
            problems.append(f"{one['title']}: overlaps another panel or the edge")
        places |= cells
    for one in _panels(board):
        title = one.get("title") or f"panel {one['id']}"
        if one["fieldConfig"]["defaults"].get("unit") not in UNITS:
            problems.append(f"{title}: unit is {one['fieldConfig']['defaults'].get('unit')!r}")
        if one["fieldConfig"]["defaults"].get("noValue") != "No traffic":
            problems.append(f"{title}: does not say what an empty panel means")
        if one.get("datasource") != DATASOURCE:
            problems.append(f"{title}: has a fixed data source")
        if one["type"] in ("timeseries", "heatmap") and not one["options"].get("legend"):
            problems.append(f"{title}: no legend")
        refs = [target["refId"] for target in one["targets"]]
        if len(set(refs)) != len(refs) or not refs:
            problems.append(f"{title}: refIds repeat or there is no query")
        for target in one["targets"]:
            expression = target["expr"]
            problems += [f"{title}: {text}" for text in exported.problems_of(expression, metrics)]
            if not target.get("legendFormat"):
                problems.append(f"{title}: a query without a legend")
            if target.get("datasource") != DATASOURCE:
                problems.append(f"{title}: a query with a fixed data source")
            for name in re.findall(r"\brl_\w+", expression):
                if name not in one.get("description", ""):
                    problems.append(f"{title}: the description does not name {name}")
            unbound = re.findall(r"\brl_\w+(?!\w*\{run=~\"\$run\")(?![\w])", expression)
            if unbound:
                problems.append(f"{title}: {unbound} not limited to the chosen run")
    return problems


def _series():
    """Invented series for every exported metric, so that a query has something to answer with."""
    free = {"position": ["1", "2", "overflow"], "k": ["5", "10", "15", "20"], "code": ["OK"]}
    series = []

    def add(name, labels, values):
        inside = ", ".join(f'{key}="{value}"' for key, value in labels.items())
        series.append({"series": f"{name}{{{inside}}}", "values": values})

    for metric in exported.load().values():
        component = "rollout" if metric.process == "every" else metric.process
        base = {"run": "r", "component": component, "instance": "a:1"}
        choices = [
            [(label, value) for value in values or free.get(label, ["x"])]
            for label, values in metric.labels.items()
        ]
        for chosen in itertools.product(*choices):
            labels = {**base, **dict(chosen)}
            if metric.kind == "histogram":
                add(f"{metric.name}_bucket", {**labels, "le": "1"}, "0+6x20")
                add(f"{metric.name}_bucket", {**labels, "le": "+Inf"}, "0+6x20")
                add(f"{metric.name}_sum", labels, "0+3x20")
                add(f"{metric.name}_count", labels, "0+6x20")
            else:
                add(metric.name, labels, "0+6x20" if metric.kind == "counter" else "5x20")
    add("up", {"job": "convrec-learner", "instance": "a:1"}, "1x20")
    return series


def check_answers(texts):
    """Prometheus' own engine evaluates every query over the invented series and finds something."""
    cases = []
    for text in texts:
        for panel in _panels(json.loads(text)):
            for target in panel["targets"]:
                expression = target["expr"].replace("$__rate_interval", "2m").replace("$run", ".*")
                cases.append(
                    {
                        "expr": f"count({expression}) > bool 0",
                        "eval_time": "10m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                )
    test = {"interval": "1m", "input_series": _series(), "promql_expr_test": cases}
    with tempfile.NamedTemporaryFile("w", suffix=".yml", prefix="boards-") as file:
        yaml.safe_dump({"rule_files": [], "tests": [test]}, file)
        file.flush()
        return call(tool("promtool"), "test", "rules", file.name)[0]


def check_all_answers():
    return check_answers([path.read_text() for path in files()])
