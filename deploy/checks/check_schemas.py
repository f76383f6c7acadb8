"""Single Kubernetes objects: their schemas, and the values that schemas leave open."""

import re

import kubernetes_validate
from kubeflow_trainer_api.models import JobsetV1alpha2JobSet

KUBERNETES = "1.32"


def name_of(item):
    return f"{item.get('kind')}/{item.get('metadata', {}).get('name')}"


# --- Schemas --------------------------------------------------------------------------------------


def _validate_core(item, label):
    try:
        kubernetes_validate.validate(item, KUBERNETES, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return [f"{label}: no schema knows {item.get('apiVersion')} {item.get('kind')}"]
    except kubernetes_validate.ValidationError as error:
        where = ".".join(str(part) for part in error.path)
        return [f"{label}: {where or 'top level'}: {error.message}"]
    return []


def _differences(before, after, path=""):
    """What `after` lacks or changes; keys that it adds are the model's defaults."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before:
            if key not in after:
                yield f"{path}.{key} is unknown to the model"
            else:
                yield from _differences(before[key], after[key], f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (left, right) in enumerate(zip(before, after)):
            yield from _differences(left, right, f"{path}[{index}]")
    elif before != after:
        yield f"{path} reads back as {after!r}"


def _validate_jobset(item):
    """The model drops unknown keys, so the round trip shows misspelt ones."""
    label = name_of(item)
    try:
        back = JobsetV1alpha2JobSet.from_dict(item).to_dict()
    except ValueError as error:
        return [f"{label}: {' '.join(str(error).split())}"]
    problems = [f"{label}: {text}" for text in _differences(item, back)]
    for job in item.get("spec", {}).get("replicatedJobs", []):
        embedded = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": job.get("name", "unnamed")},
            "spec": job.get("template", {}).get("spec", {}),
        }
        problems += _validate_core(embedded, f"{label}, Job {job.get('name')}")
    return problems


def check_schema(items):
    problems = []
    for item in items:
        if item.get("apiVersion") == "jobset.x-k8s.io/v1alpha2" and item.get("kind") == "JobSet":
            problems += _validate_jobset(item)
        else:
            problems += _validate_core(item, name_of(item))
    return problems


# --- Values ---------------------------------------------------------------------------------------

_QUANTITY = re.compile(r"^\+?\d+(\.\d+)?([numkMGTPE]|[KMGTPE]i|[eE]\d+)?$")
# Path pattern ("*" = one key or index) -> allowed values. Schemas call these plain strings.
_ENUMS = {
    "restartPolicy": {"Always", "OnFailure", "Never"},
    "completionMode": {"Indexed", "NonIndexed"},
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "restartStrategy": {"Recreate", "BlockingRecreate"},
    "concurrencyPolicy": {"Allow", "Forbid", "Replace"},
    "fsGroupChangePolicy": {"OnRootMismatch", "Always"},
    "unhealthyPodEvictionPolicy": {"IfHealthyBudget", "AlwaysAllow"},
    "whenUnsatisfiable": {"DoNotSchedule", "ScheduleAnyway"},
    "seccompProfile.type": {"RuntimeDefault", "Localhost", "Unconfined"},
    "strategy.type": {"Recreate", "RollingUpdate"},
    "medium": {"", "Memory", "HugePages"},
    "policyTypes.*": {"Ingress", "Egress"},
    "accessModes.*": {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"},
    "podFailurePolicy.rules.*.action": {"FailJob", "FailIndex", "Ignore", "Count"},
    "onExitCodes.operator": {"In", "NotIn"},
    "onPodConditions.*.status": {"True", "False", "Unknown"},
    "failurePolicy.rules.*.action": {
        "FailJobSet",
        "RestartJobSet",
        "RestartJobSetAndIgnoreMaxRestarts",
    },
    "onJobFailureReasons.*": {
        "PodFailurePolicy",
        "BackoffLimitExceeded",
        "DeadlineExceeded",
        "MaxFailedIndexesExceeded",
        "FailedIndexes",
    },
    "successPolicy.operator": {"All", "Any"},
}
_QUANTITIES = ("resources.requests.*", "resources.limits.*", "emptyDir.sizeLimit")


def _walk(value, path=()):
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, path + (str(key),))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, path + (str(index),))


def _matches(path, pattern):
    parts = pattern.split(".")
    tail = path[-len(parts) :]
    return len(tail) == len(parts) and all(want in ("*", got) for want, got in zip(parts, tail))


def check_values(items):
    problems = []
    for item in items:
        for path, value in _walk(item):
            if isinstance(value, (dict, list)):
                continue
            where = f"{name_of(item)}: {'.'.join(path)}"
            for pattern, allowed in _ENUMS.items():
                if _matches(path, pattern) and value not in allowed:
                    problems.append(f"{where} is {value!r}, not one of {sorted(allowed)}")
            if any(_matches(path, pattern) for pattern in _QUANTITIES):
                if not _QUANTITY.match(str(value)):
                    problems.append(f"{where} is {value!r}, no quantity >= 0")
    return problems
