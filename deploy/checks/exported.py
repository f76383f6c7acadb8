"""The exported metrics, and which of them a PromQL expression reads."""

import re
import sys

from paths import DEPLOY

sys.path.insert(0, str(DEPLOY / "dashboards"))
from metrics import load  # noqa: E402,F401  What boards are made from.

COMMON_LABELS = {"run", "component", "job", "instance"}
# Series that Prometheus creates itself.
BUILT_IN = {"up": set()}
_SUFFIXES = ("_bucket", "_sum", "_count")
_NAME = re.compile(r"(?<![\w:$\"])(?:rl_\w+|up)(?![\w:(\"])")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


def _selectors(expression):
    """Yields (series name, its matchers as (label, operator, value))."""
    for match in _NAME.finditer(expression):
        rest = expression[match.end() :].lstrip()
        inside = rest[1 : rest.index("}")] if rest.startswith("{") else ""
        yield match.group(), _MATCHER.findall(inside)


def problems_of(expression, metrics):
    """What an expression reads that is not exported: names, labels, label values."""
    problems, known_labels, found = [], set(COMMON_LABELS) | {"le"}, False
    for series, matchers in _selectors(expression):
        found = True
        if series in BUILT_IN:
            continue
        base = next(
            (
                series[: -len(suffix)]
                for suffix in _SUFFIXES
                if series.endswith(suffix) and series[: -len(suffix)] in metrics
            ),
            series,
        )
        metric = metrics.get(base)
        if metric is None:
            problems.append(f"{series} is not exported (deploy/checks/metrics.txt)")
            continue
        if (metric.kind == "histogram") != (base != series):
            problems.append(f"{series} is no series of a {metric.kind}")
        known_labels |= set(metric.labels)
        for label, operator, value in matchers:
            if label in COMMON_LABELS or value.startswith("$"):
                continue
            if label not in metric.labels:
                problems.append(f"{series} has no label {label}")
                continue
            values = metric.labels[label]
            named = value.split("|") if "~" in operator else [value]
            for one in named if values else []:
                if one not in values:
                    problems.append(f"{series}: label {label} is never {one}")
    for grouping in _GROUPING.findall(expression):
        for label in filter(None, (part.strip() for part in grouping.split(","))):
            if label not in known_labels:
                problems.append(f"no metric in the expression has the label {label}: {expression}")
    if not found:
        problems.append(f"reads no metric: {expression}")
    return problems
