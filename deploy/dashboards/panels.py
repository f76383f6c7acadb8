"""The parts that boards are made of: queries, panels of each kind, and their layout.

A metric's description, its unit and how the values of several processes are combined come from the
list of metrics; a panel overrides them where it shows something else.
"""

import re

import metrics

METRICS = metrics.load()
UNITS = {"share": "percentunit", "seconds": "s", "bytes": "bytes", "per_second": "cps"}
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


def _grouping(by):
    return f" by ({by}) " if by else ""


def now(name, legend, by=None):
    """The current value of a gauge or counter, combined over all processes as the list says."""
    return query(f"{METRICS[name].across}{_grouping(by)}({name}{{RUN}})", legend)


def rate(name, legend, by=None):
    """How fast a counter grows, over all processes."""
    return query(f"sum{_grouping(by)}(rate({name}{{RUN}}[$__rate_interval]))", legend)


def metric_of(targets):
    """The metric that the first query reads first; None if it is not one of convrec's."""
    series = re.findall(r"\brl_\w+", targets[0]["expr"])[:1]
    for name in series:
        return METRICS.get(name) or METRICS[re.sub("_(bucket|sum|count)$", "", name)]
    return None


def panel(
    kind,
    title,
    targets,
    about=None,
    unit=None,
    width=8,
    height=8,
    decimals=None,
    options=None,
    custom=None,
    minimum=None,
    maximum=None,
    thresholds=None,
    instant=False,
):
    metric = metric_of(targets)
    if unit is None and metric is not None and metric.kind == "counter":
        unit = "Bps" if metric.unit == "bytes" else "cps"
    elif unit is None:
        unit = UNITS.get(metric.unit, "none") if metric is not None else "none"
    names = sorted(
        {name for target in targets for name in re.findall(r"\brl_\w+|\bup\b", target["expr"])}
    )
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
        "description": f"{about or metric.help} Metrics: {', '.join(names)}.",
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options or {},
        "targets": targets,
        "gridPos": {"w": width, "h": height},
    }


def lines(title, *targets, stack=False, **more):
    """A time series."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 10,
        "showPoints": "never",
        "spanNulls": 60000,
    }
    if stack:
        custom.update(fillOpacity=40, stacking={"mode": "normal", "group": "A"})
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, targets, custom=custom, options=options, **more)


def number(title, *targets, **more):
    """The current value, large."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value" if more.get("thresholds") else "none",
        "graphMode": "area",
        "textMode": "auto",
    }
    return panel("stat", title, targets, width=4, height=4, options=options, **more)


def by_position(title, name, **more):
    """One bar per list position, for the current value; the top of the list is on the left."""
    # Bars are ordered as text, so "1" becomes "01"; "overflow" comes last anyway.
    value = f"{METRICS[name].across} by (position) ({name}{{RUN}})"
    target = query(
        f'label_replace({value}, "position", "0$1", "position", "([0-9])")', "{{position}}"
    )
    target["format"] = "table"
    options = {
        "xField": "position",
        "orientation": "auto",
        "showValue": "never",
        "stacking": "none",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    bars = panel("barchart", title, [target], options=options, instant=True, **more)
    bars["transformations"] = [
        {"id": "organize", "options": {"excludeByName": {"Time": True}}},
        {"id": "sortBy", "options": {"sort": [{"field": "position"}]}},
    ]
    return bars


def heat(title, *targets, **more):
    """A histogram over time."""
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
        "cellGap": 1,
        "yAxis": {"unit": "none", "axisPlacement": "left"},
        "tooltip": {"mode": "single"},
        "legend": {"show": True},
    }
    return panel("heatmap", title, targets, options=options, **more)


def quantiles(bucket):
    """Three quantiles of a histogram of the chosen run."""
    return [
        query(
            f"histogram_quantile({q}, sum by (le) (rate({bucket}{{RUN}}[$__rate_interval])))",
            f"{int(q * 100)} %",
        )
        for q in (0.5, 0.95, 0.99)
    ]


def _read_by(rows):
    return {
        name
        for _, row_panels in rows
        for item in row_panels
        for target in item["targets"]
        for name in re.findall(r"\brl_\w+", target["expr"])
    }


def _plain(metric):
    """A panel of a metric as the list alone describes it."""
    words = metric.name.removeprefix("rl_").removesuffix("_total").split("_")
    title = " ".join(words).capitalize()
    if metric.kind == "histogram":
        return lines(title, *quantiles(f"{metric.name}_bucket"), minimum=0)
    by = ", ".join(metric.labels) or None
    legend = " ".join("{{%s}}" % label for label in metric.labels) or words[-1]
    value = rate if metric.kind == "counter" else now
    return lines(title, value(metric.name, legend, by=by))


def unread(rows, processes):
    """A panel for every metric of these processes that no panel of the rows reads."""
    read = _read_by(rows)
    return [
        _plain(metric)
        for metric in METRICS.values()
        if metric.process in processes
        and not read & {metric.name, f"{metric.name}_bucket", f"{metric.name}_sum"}
    ]


def board(uid, title, description, rows):
    """Lays the panels of each (row title, panels) from left to right, 24 columns wide."""
    panels, y = [], 0
    for row_title, row_panels in rows:
        panels.append(
            {
                "type": "row",
                "title": row_title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
            }
        )
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
        "links": [
            {
                "type": "dashboards",
                "title": "convrec",
                "tags": ["convrec"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "The other boards, same run and time",
                "url": "",
            }
        ],
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                    "refresh": 1,
                    "multi": False,
                    "includeAll": False,
                    "hide": 0,
                    "regex": "",
                    "options": [],
                    "current": {},
                },
                {
                    "name": "run",
                    "label": "Run",
                    "type": "query",
                    "datasource": DATASOURCE,
                    "definition": "label_values(rl_build_info, run)",
                    "query": {"query": "label_values(rl_build_info, run)", "refId": "run"},
                    "refresh": 2,
                    "sort": 2,
                    "multi": False,
                    "includeAll": False,
                    "hide": 0,
                    "regex": "",
                    "options": [],
                    "current": {},
                },
            ]
        },
        "panels": panels,
    }
