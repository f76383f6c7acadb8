"""Kubernetes manifests: the security of pods, and what must agree across objects.

Each checker takes the rendered objects of one overlay and returns its findings as sentences.
"""

import re

import yaml

from check_schemas import check_schema, check_values, name_of
from paths import K8S, call, tool

ROLES = {"learner", "rollout", "reward"}
# The argument that opens a port, by the role that reads it.
HEALTH_KEY = {
    "learner": "learner.listen",
    "rollout": "rollout.health_listen",
    "reward": "reward.listen",
}
METRICS_KEY = "telemetry.metrics_listen"
# The health service that a probe queries. Readiness may wait for a peer, so it must not decide
# whether a process is alive.
PROBES = {"startupProbe": "liveness", "readinessProbe": "readiness", "livenessProbe": "liveness"}
LISTENS_ON = {
    "rollout.learner_address": "learner.listen",
    "rollout.reward_address": "reward.listen",
}
# Labels that controllers add to the pods of an Indexed Job of a JobSet.
CONTROLLER_LABELS = {
    "batch.kubernetes.io/job-completion-index": "0",
    "jobset.sigs.k8s.io/replicatedjob-name": None,
    "jobset.sigs.k8s.io/jobset-name": None,
}


def overlays():
    return sorted(path.parent.name for path in K8S.glob("overlays/*/kustomization.yaml"))


def render(overlay):
    """(problems, text) of `kubectl kustomize`."""
    return call(tool("kubectl"), "kustomize", str(K8S / "overlays" / overlay))


def parse(text):
    return [item for item in yaml.safe_load_all(text) if item]


# --- Pods -----------------------------------------------------------------------------------------


class PodTemplate:
    """The pods of one workload object."""

    def __init__(self, owner, item, template, labels=()):
        self.owner = owner
        self.item = item
        self.spec = template.get("spec", {})
        self.labels = {**dict(labels), **template.get("metadata", {}).get("labels", {})}
        self.containers = self.spec.get("containers", [])


def pods_of(items):
    pods = []
    for item in items:
        spec = item.get("spec", {})
        if item.get("kind") == "JobSet":
            for job in spec.get("replicatedJobs", []):
                template = job.get("template", {}).get("spec", {}).get("template", {})
                pods.append(PodTemplate(name_of(item), item, template, CONTROLLER_LABELS))
        elif item.get("kind") in ("Deployment", "StatefulSet", "Job"):
            pods.append(PodTemplate(name_of(item), item, spec.get("template", {})))
    return pods


def check_restricted(items):
    """Pod Security "restricted", plus the rules of this project."""
    problems = []
    for pod in pods_of(items):
        security = pod.spec.get("securityContext", {})
        wanted = {"runAsNonRoot": True, "runAsUser": 10001}
        for key, value in wanted.items():
            if security.get(key) != value:
                problems.append(f"{pod.owner}: securityContext.{key} is not {value}")
        if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            problems.append(f"{pod.owner}: seccompProfile is not RuntimeDefault")
        if pod.spec.get("automountServiceAccountToken") is not False:
            problems.append(f"{pod.owner}: mounts a service account token")
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.spec.get(key):
                problems.append(f"{pod.owner}: {key} is set")
        for volume in pod.spec.get("volumes", []):
            if "hostPath" in volume:
                problems.append(f"{pod.owner}: volume {volume['name']} is a hostPath")
        if "terminationGracePeriodSeconds" not in pod.spec:
            problems.append(f"{pod.owner}: no terminationGracePeriodSeconds")
        for container in pod.containers + pod.spec.get("initContainers", []):
            label = f"{pod.owner}, container {container.get('name')}"
            own = container.get("securityContext", {})
            if own.get("runAsNonRoot", True) is not True or own.get("privileged"):
                problems.append(f"{label}: weakens the pod's securityContext")
            if own.get("allowPrivilegeEscalation") is not False:
                problems.append(f"{label}: allowPrivilegeEscalation is not false")
            if own.get("readOnlyRootFilesystem") is not True:
                problems.append(f"{label}: readOnlyRootFilesystem is not true")
            capabilities = own.get("capabilities", {})
            if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
                problems.append(f"{label}: capabilities are not all dropped")
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= set(resources.get("requests", {})):
                problems.append(f"{label}: requests neither name cpu nor memory both")
            if "memory" not in resources.get("limits", {}):
                problems.append(f"{label}: no memory limit")
    for item in items:
        if item.get("kind") == "Namespace":
            labels = item["metadata"].get("labels", {})
            if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
                problems.append(f"{name_of(item)}: does not enforce the restricted standard")
    return problems


def check_images(items):
    problems = []
    for pod in pods_of(items):
        for container in pod.containers:
            image = container.get("image", "")
            tag = image.rpartition("/")[2].partition(":")[2]
            if "@sha256:" not in image and (not tag or tag == "latest"):
                problems.append(f"{pod.owner}: image {image} has no version")
    return problems


# --- Across objects -------------------------------------------------------------------------------


def _selected(selector, pods):
    return [
        pod
        for pod in pods
        if all(
            key in pod.labels and pod.labels[key] in (value, None)
            for key, value in (selector or {}).items()
        )
    ]


def _ports(pod):
    """{name or number: number} of a pod's container ports."""
    ports = {}
    for container in pod.containers:
        for port in container.get("ports", []):
            ports[port["containerPort"]] = port["containerPort"]
            ports[port.get("name")] = port["containerPort"]
    return ports


def check_selectors(items):
    """Services, budgets, policies and Deployments select pods that exist, on ports that exist."""
    problems, pods = [], pods_of(items)
    for item in items:
        kind, spec, label = item.get("kind"), item.get("spec", {}), name_of(item)
        if kind == "Service":
            chosen = _selected(spec.get("selector"), pods)
            if not spec.get("selector") or not chosen:
                problems.append(f"{label}: selects no pod")
            for port in spec.get("ports", []):
                target = port.get("targetPort", port["port"])
                for pod in chosen:
                    number = _ports(pod).get(target)
                    if number is None:
                        problems.append(f"{label}: port {target} is not on {pod.owner}")
                    elif spec.get("clusterIP") == "None" and number != port["port"]:
                        # A headless name resolves to the pod itself, so nothing translates the
                        # port.
                        problems.append(
                            f"{label}: headless port {port['port']} is {number} on the pod"
                        )
        elif kind in ("PodDisruptionBudget", "Deployment"):
            chosen = _selected(spec.get("selector", {}).get("matchLabels"), pods)
            if not chosen:
                problems.append(f"{label}: selects no pod")
            if kind == "Deployment" and [pod.owner for pod in chosen] != [label]:
                problems.append(f"{label}: its selector also takes {[pod.owner for pod in chosen]}")
        elif kind == "NetworkPolicy":
            chosen = _selected(spec.get("podSelector", {}).get("matchLabels"), pods)
            if not chosen:
                problems.append(f"{label}: selects no pod")
            for direction, peers_key in (("ingress", "from"), ("egress", "to")):
                for rule in spec.get(direction, []):
                    peers = [
                        pod
                        for peer in rule.get(peers_key, [])
                        if "podSelector" in peer
                        for pod in _selected(peer["podSelector"].get("matchLabels"), pods)
                    ]
                    if any("podSelector" in peer for peer in rule.get(peers_key, [])) and not peers:
                        problems.append(f"{label}: {direction} names no pod that exists")
                    for port in rule.get("ports", []):
                        for pod in chosen if direction == "ingress" else peers:
                            if port["port"] not in _ports(pod):
                                problems.append(
                                    f"{label}: port {port['port']} is not on {pod.owner}"
                                )
    return problems


def overrides_of(args):
    return dict(arg.partition("=")[::2] for arg in args if "=" in arg and not arg.startswith("-"))


def port_of(address):
    return int(address.rpartition(":")[2])


def check_services(items):
    """The arguments agree with the ports, the probes and the names of Services."""
    problems, pods = [], pods_of(items)
    services = {item["metadata"]["name"]: item for item in items if item.get("kind") == "Service"}
    for pod in pods:
        for container in pod.containers:
            label = f"{pod.owner}, container {container.get('name')}"
            args = container.get("args", [])
            role = args[0] if args else None
            if role not in ROLES:
                problems.append(f"{label}: the first argument is {role!r}, no role of convrec")
                continue
            if role != pod.labels.get("app.kubernetes.io/component"):
                problems.append(f"{label}: runs {role} under another component label")
            if role == "learner" and "--resume" not in args:
                problems.append(f"{label}: a restarted learner would start over without --resume")
            values = overrides_of(args)
            listens = {
                key: port_of(values[key])
                for key in (HEALTH_KEY[role], METRICS_KEY)
                if key in values
            }
            for key in (HEALTH_KEY[role], METRICS_KEY):
                if not values.get(key, "").startswith("0.0.0.0:"):
                    problems.append(f"{label}: {key} must listen on 0.0.0.0 to be reached")
            opened = {port["containerPort"] for port in container.get("ports", [])}
            if opened != set(listens.values()):
                problems.append(f"{label}: declares {sorted(opened)}, listens on {listens}")
            for kind in PROBES:
                probe = container.get(kind)
                if probe is None:
                    if kind == "readinessProbe" or role != "learner":
                        problems.append(f"{label}: no {kind}")
                elif role == "learner" and kind == "livenessProbe":
                    problems.append(f"{label}: a learner has no livenessProbe")
                elif probe.get("grpc") != {
                    "port": listens.get(HEALTH_KEY[role]),
                    "service": PROBES[kind],
                }:
                    problems.append(
                        f"{label}: {kind} does not ask {PROBES[kind]} on the health port"
                    )
            for key, server_key in LISTENS_ON.items():
                if key not in values:
                    if role == "rollout":
                        problems.append(f"{label}: {key} is not given")
                    continue
                host, _, port = values[key].rpartition(":")
                service = services.get(host)
                if service is None:
                    problems.append(f"{label}: {key} names no Service: {host}")
                    continue
                if int(port) not in [p["port"] for p in service["spec"]["ports"]]:
                    problems.append(f"{label}: {key}: Service {host} has no port {port}")
                for peer in _selected(service["spec"].get("selector"), pods):
                    served = overrides_of(peer.containers[0].get("args", [])).get(server_key, ":0")
                    if port_of(served) != int(port):
                        problems.append(
                            f"{label}: {key}: {peer.owner} serves {server_key}={served}"
                        )
    return problems


def check_references(items):
    """The volumes, configuration files and claims that a pod names exist."""
    problems = []
    have = {(item.get("kind"), item["metadata"]["name"]): item for item in items}
    namespaces = {
        item["metadata"].get("namespace") for item in items if item["kind"] != "Namespace"
    }
    if len(namespaces) != 1:
        problems.append(f"objects lie in different namespaces: {sorted(map(str, namespaces))}")
    for pod in pods_of(items):
        files, volumes = set(), {}
        for volume in pod.spec.get("volumes", []):
            volumes[volume["name"]] = volume
            for kind, key, field in (
                ("ConfigMap", "configMap", "name"),
                ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName"),
            ):
                named = volume.get(key, {}).get(field)
                if named and (kind, named) not in have:
                    problems.append(f"{pod.owner}: {kind} {named} does not exist")
        for container in pod.containers:
            label = f"{pod.owner}, container {container.get('name')}"
            mounted = set()
            writable = []
            for mount in container.get("volumeMounts", []):
                mounted.add(mount["name"])
                volume = volumes.get(mount["name"])
                if volume is None:
                    problems.append(f"{label}: mounts {mount['name']}, which is no volume")
                    continue
                if not mount.get("readOnly"):
                    writable.append(mount["mountPath"])
                config = have.get(("ConfigMap", volume.get("configMap", {}).get("name")))
                files |= {f"{mount['mountPath']}/{key}" for key in (config or {}).get("data", {})}
            if set(volumes) - mounted:
                problems.append(f"{label}: does not mount {sorted(set(volumes) - mounted)}")
            args = container.get("args", [])
            config = args[args.index("--config") + 1] if "--config" in args[:-1] else None
            if config not in files:
                problems.append(f"{label}: --config {config} is in no ConfigMap")
            run_dir = overrides_of(args).get("run_dir", "")
            if not any(run_dir == path or run_dir.startswith(path + "/") for path in writable):
                problems.append(f"{label}: run_dir={run_dir} lies on no writable volume")
    return problems


# --- The exit code contract -----------------------------------------------------------------------

# What the Job controller writes into the condition of a Job that failed by its podFailurePolicy.
_EXIT_MESSAGE = (
    "Container learner for pod convrec/convrec-learner-0-0-abcde failed with exit code {} "
    "matching FailJob rule at index 0"
)
_DISRUPTION_MESSAGE = (
    "Pod convrec/convrec-learner-0-0-abcde has condition DisruptionTarget "
    "matching FailJob rule at index 1"
)
_REACTIONS = {
    _EXIT_MESSAGE.format(64): "FailJobSet",
    _EXIT_MESSAGE.format(65): "FailJobSet",
    _EXIT_MESSAGE.format(78): "FailJobSet",
    _EXIT_MESSAGE.format(75): "RestartJobSetAndIgnoreMaxRestarts",
    _DISRUPTION_MESSAGE: "RestartJobSetAndIgnoreMaxRestarts",
}


def check_failure_policy(items):
    """64, 65 and 78 end the run; 75 and a drain restart it uncounted; other restarts are counted."""
    problems = []
    for item in items:
        if item.get("kind") != "JobSet":
            continue
        label, spec = name_of(item), item["spec"]
        if "startupPolicy" in spec and any("dependsOn" in job for job in spec["replicatedJobs"]):
            problems.append(f"{label}: startupPolicy and dependsOn exclude each other")
        names = {job["name"] for job in spec["replicatedJobs"]}
        for target in spec.get("successPolicy", {}).get("targetReplicatedJobs", []):
            if target not in names:
                problems.append(f"{label}: successPolicy names no replicated job: {target}")
        rules = spec.get("failurePolicy", {}).get("rules", [])

        def action(message):
            for rule in rules:
                reasons = rule.get("onJobFailureReasons", [])
                patterns = rule.get("onJobFailureMessagePatterns", [])
                if reasons and "PodFailurePolicy" not in reasons:
                    continue
                if not patterns or any(re.search(pattern, message) for pattern in patterns):
                    return rule["action"]
            return "RestartJobSet"

        for message, wanted in _REACTIONS.items():
            if action(message) != wanted:
                problems.append(f"{label}: {action(message)} instead of {wanted} on: {message}")
        for job in spec["replicatedJobs"]:
            inner = job["template"]["spec"]
            if inner.get("backoffLimit") != 0:
                problems.append(f"{label}: backoffLimit of {job['name']} is not 0")
            if inner["template"]["spec"].get("restartPolicy") != "Never":
                problems.append(f"{label}: podFailurePolicy needs restartPolicy Never")
            if inner.get("parallelism") != inner.get("completions"):
                problems.append(f"{label}: parallelism and completions of {job['name']} differ")
            policy = inner.get("podFailurePolicy", {}).get("rules", [])
            codes = {
                code for rule in policy for code in rule.get("onExitCodes", {}).get("values", [])
            }
            if codes != {64, 65, 75, 78}:
                problems.append(
                    f"{label}: podFailurePolicy acts on exit codes {sorted(codes, key=str)}"
                )
            for rule in policy:
                named = rule.get("onExitCodes", {}).get("containerName")
                containers = [one["name"] for one in inner["template"]["spec"]["containers"]]
                if named and named not in containers:
                    problems.append(f"{label}: podFailurePolicy names no container: {named}")
    return problems


CHECKERS = {
    "schema": check_schema,
    "values": check_values,
    "restricted": check_restricted,
    "images": check_images,
    "selectors": check_selectors,
    "services": check_services,
    "references": check_references,
    "failure policy": check_failure_policy,
}
