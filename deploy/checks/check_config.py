"""Keys and values of run configurations against proto/config.proto, the schema of the program."""

import re

import yaml

import check_compose
import check_manifests
from paths import DEPLOY, K8S, ROOT, relative

_MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.M | re.S)
_FIELD = re.compile(r"^\s*(?:optional |repeated )?([\w.]+) (\w+) = \d+;", re.M)
_SCALARS = {
    "string": str,
    "bool": bool,
    "double": (int, float),
    "float": (int, float),
    **{f"{sign}int{bits}": int for sign in ("", "u") for bits in (32, 64)},
}


def messages():
    text = (ROOT / "proto" / "config.proto").read_text()
    text = re.sub(r"//[^\n]*", "", text)
    return {
        name: {key: kind for kind, key in _FIELD.findall(body)}
        for name, body in _MESSAGE.findall(text)
    }


def _problems(values, kind, known, where):
    if not isinstance(values, dict):
        return [f"{where} is no mapping"]
    problems = []
    for key, value in values.items():
        field = known[kind].get(key)
        if field is None:
            problems.append(f"{where}: {key} is no key of {kind}")
        elif field in known:
            problems += _problems(value, field, known, f"{where}.{key}")
        elif isinstance(value, bool) != (field == "bool") or not isinstance(value, _SCALARS[field]):
            problems.append(f"{where}: {key} is {value!r}, not a {field}")
    return problems


def check_values(text, where):
    """Findings of one configuration as YAML text."""
    return _problems(yaml.safe_load(text), "RunConfig", messages(), where)


def check_overrides(values, where):
    """Findings of key=value arguments."""
    nested = {}
    for key, value in values.items():
        inner = nested
        *folders, last = key.split(".")
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = yaml.safe_load(value)
    return _problems(nested, "RunConfig", messages(), where)


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
