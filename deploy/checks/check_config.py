"""Keys and values of run configurations, checked against the generated docs/configuration.md."""

import re

import yaml

import check_compose
import check_manifests
from paths import DEPLOY, K8S, ROOT, relative

_ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \|", re.M)
_TYPES = {"integer": int, "number": (int, float), "seconds": (int, float), "true or false": bool}


def keys():
    """The type of every key; words, texts and paths are strings."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    return {key: _TYPES.get(kind, str) for key, kind in _ROW.findall(text)}


def _problems(values, prefix, known, where):
    if not isinstance(values, dict):
        return [f"{where}: {prefix.rstrip('.') or 'the file'} is no mapping"]
    problems = []
    for name, value in values.items():
        key = f"{prefix}{name}"
        if key in known:
            is_bool = isinstance(value, bool)
            if is_bool != (known[key] is bool) or not isinstance(value, known[key]):
                problems.append(f"{where}: {key} is {value!r}, another type than its default")
        elif any(other.startswith(f"{key}.") for other in known):
            problems += _problems(value, f"{key}.", known, where)
        else:
            problems.append(f"{where}: {key} is no key of a configuration")
    return problems


def check_values(text, where):
    """Findings of one configuration as YAML text."""
    return _problems(yaml.safe_load(text), "", keys(), where)


def check_overrides(values, where):
    """Findings of key=value arguments."""
    nested = {}
    for key, value in values.items():
        inner = nested
        *folders, last = key.split(".")
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = yaml.safe_load(value)
    return _problems(nested, "", keys(), where)


def check():
    problems = []
    for path in [DEPLOY / "config" / "run.yaml", *sorted(K8S.rglob("run.yaml"))]:
        problems += check_values(path.read_text(), relative(path))
    for overlay in check_manifests.overlays():
        failed, text = check_manifests.render(overlay)
        problems += failed
        for pod in check_manifests.pods_of(check_manifests.parse(text)):
            for container in pod.containers:
                values = check_manifests.overrides_of(container.get("args", []))
                problems += check_overrides(values, f"{overlay}, {pod.owner}")
    for name, service in check_compose.ours(check_compose.parse(check_compose.read())).items():
        problems += check_overrides(
            check_manifests.overrides_of(service["command"]), f"compose, {name}"
        )
    return problems
