"""Prometheus, Alertmanager and the alert rules: syntax, unit tests, metrics, runbooks."""

import re

import yaml

import check_compose
import exported
from paths import DEPLOY, ROOT, RUNBOOKS, call, load_yaml, relative, tool

RULES = DEPLOY / "prometheus" / "rules.yml"
TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
SEVERITIES = {"critical", "warning"}


def check_prometheus():
    return call(tool("promtool"), "check", "config", "prometheus.yml", cwd=RULES.parent)[0]


def check_rules():
    return call(tool("promtool"), "check", "rules", "rules.yml", cwd=RULES.parent)[0]


def check_rule_tests():
    return call(tool("promtool"), "test", "rules", *map(str, TESTS))[0]


def check_alertmanager():
    return call(tool("amtool"), "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))[
        0
    ]


def alerts_of(text):
    groups = yaml.safe_load(text)["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def check_alerts(text):
    """Each alert reads exported metrics and has severity, summary, runbook, and two test cases."""
    problems, metrics = [], exported.load()
    fires, silent = set(), set()
    for path in TESTS:
        for test in load_yaml(path)["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case["exp_alerts"] else silent).add(case["alertname"])
    names = set()
    for rule in alerts_of(text):
        name = rule["alert"]
        names.add(name)
        problems += [f"{name}: {one}" for one in exported.problems_of(rule["expr"], metrics)]
        if rule.get("labels", {}).get("severity") not in SEVERITIES:
            problems.append(f"{name}: severity is none of {sorted(SEVERITIES)}")
        if not rule.get("annotations", {}).get("summary"):
            problems.append(f"{name}: no summary")
        runbook = rule.get("annotations", {}).get("runbook_url")
        if runbook != relative(RUNBOOKS / f"{name}.md"):
            problems.append(f"{name}: runbook_url is {runbook}")
        elif not (ROOT / runbook).exists():
            problems.append(f"{name}: {runbook} does not exist")
        if name not in fires:
            problems.append(f"{name}: no test in which it fires")
        if name not in silent:
            problems.append(f"{name}: no test in which it is silent")
    for path in RUNBOOKS.glob("RL*.md"):
        if path.stem not in names:
            problems.append(f"{relative(path)}: no alert has this name")
        for heading in ("## What it means", "## Check first", "## Fix", "## Silence"):
            if heading not in path.read_text():
                problems.append(f"{relative(path)}: lacks the section {heading[3:]}")
    return problems


def check_targets():
    """Prometheus scrapes what compose.yaml starts, on the port it listens on."""
    problems, compose = [], check_compose.parse(check_compose.read())
    listens = {}
    for name, service in compose["services"].items():
        command = service.get("command", [])
        values = check_compose.overrides_of(command)
        for called in check_compose._names(name, service):
            listens[called] = values.get(check_compose.METRICS_KEY, ":0").rpartition(":")[2]
    scraped = set()
    for job in load_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]:
        targets = [one for group in job.get("static_configs", []) for one in group["targets"]]
        for group in job.get("dns_sd_configs", []):
            targets += [f"{host}:{group['port']}" for host in group["names"]]
        for target in targets:
            host, _, port = target.rpartition(":")
            if not job["job_name"].startswith("convrec-"):
                continue
            scraped.add(host)
            if listens.get(host) != port:
                problems.append(f"{job['job_name']}: nothing serves metrics at {target}")
            if job["job_name"] != f"convrec-{host}":
                problems.append(f"{job['job_name']}: scrapes {host}")
    for role in sorted(check_compose.ROLES - scraped):
        problems.append(f"nobody scrapes {role}")
    source = load_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"][
        0
    ]
    host = re.sub(r"^http://|:\d+$", "", source["url"])
    if host not in compose["services"]:
        problems.append(f"the Grafana data source names no service: {source['url']}")
    boards = load_yaml(DEPLOY / "grafana/provisioning/dashboards/convrec.yaml")["providers"][0]
    mounts = [mount.split(":")[1] for mount in compose["services"]["grafana"]["volumes"]]
    if boards["options"]["path"] not in mounts:
        problems.append(f"grafana does not mount {boards['options']['path']}")
    return problems
