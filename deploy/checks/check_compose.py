"""compose.yaml: the schema, and rules of this project that no schema contains."""

import re
import tempfile

import yaml

from check_manifests import HEALTH_KEY, LISTENS_ON, METRICS_KEY, ROLES, overrides_of, port_of
from paths import DEPLOY, call, tool

FILE = DEPLOY / "compose.yaml"
GRACE = {"learner": "300s", "rollout": "120s", "reward": "60s"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def read():
    return FILE.read_text()


def parse(text):
    """The file with every variable replaced by its default."""
    return yaml.safe_load(_VARIABLE.sub(lambda match: match.group(2) or "", text))


def role_of(service):
    command = service.get("command", [])
    return command[0] if command and command[0] in ROLES else None


def ours(compose):
    return {name: one for name, one in compose["services"].items() if role_of(one)}


def check_schema(text):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix="compose-") as file:
        file.write(text)
        file.flush()
        return call(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", file.name)[
            0
        ]


def check_hardening(text):
    problems, compose = [], parse(text)
    for name, service in compose["services"].items():
        wanted = {
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "restart": "on-failure:5",
        }
        for key, value in wanted.items():
            if service.get(key) != value:
                problems.append(f"{name}: {key} is {service.get(key)!r}, not {value!r}")
        if not re.match(r"^[1-9]\d*:\d+$", str(service.get("user", ""))):
            problems.append(f"{name}: user is not a number other than 0")
        if role_of(service) and service.get("user") != "10001:10001":
            problems.append(f"{name}: user is not 10001:10001")
        for key in ("privileged", "network_mode", "cap_add", "pid", "ipc"):
            if key in service:
                problems.append(f"{name}: {key} is set")
        if "stop_grace_period" not in service:
            problems.append(f"{name}: no stop_grace_period")
        role = role_of(service)
        if role and service.get("stop_grace_period") != GRACE[role]:
            problems.append(f"{name}: stop_grace_period is not {GRACE[role]}")
        if role == "learner" and "--resume" not in service["command"]:
            problems.append(f"{name}: a restarted learner would start over without --resume")
        if role == "learner" and "init" in service:
            problems.append(f"{name}: a learner is PID 1 itself")
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                problems.append(f"{name}: port {port} is not bound to 127.0.0.1")
        image = service.get("image", "")
        tag = image.rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and (not tag or tag == "latest"):
            problems.append(f"{name}: image {image!r} has no version")
        if not service.get("profiles"):
            problems.append(f"{name}: belongs to no profile")
    return problems


def check_health(text):
    problems = []
    for name, service in parse(text)["services"].items():
        health = service.get("healthcheck", {})
        missing = {"test", "interval", "timeout", "retries", "start_period"} - set(health)
        if missing:
            problems.append(f"{name}: health check lacks {sorted(missing)}")
            continue
        role = role_of(service)
        if role is None:
            continue
        listen = overrides_of(service["command"]).get(HEALTH_KEY[role], ":0")
        wanted = ["CMD", "convrec-health", "--addr", f"127.0.0.1:{port_of(listen)}"]
        if health["test"] != wanted:
            problems.append(f"{name}: health check is {health['test']}, not {wanted}")
    return problems


def _names(name, service):
    """What other containers may call a service."""
    return {name, *(service.get("networks") or {}).get("default", {}).get("aliases", [])}


def check_wiring(text):
    """Addresses, exposed ports, mounts and devices agree, profile by profile."""
    problems, compose = [], parse(text)
    services = compose["services"]
    for profile in ("cpu", "gpu"):
        inside = {name: one for name, one in services.items() if profile in one.get("profiles", [])}
        counts = {role: [n for n, one in inside.items() if role_of(one) == role] for role in ROLES}
        for role, names in counts.items():
            if len(names) != 1:
                problems.append(f"profile {profile}: {role} appears {len(names)} times: {names}")
        for name, service in ours({"services": inside}).items():
            values = overrides_of(service["command"])
            listens = {
                port_of(values[k])
                for k in (HEALTH_KEY[role_of(service)], METRICS_KEY)
                if k in values
            }
            if listens != {int(port) for port in service.get("expose", [])}:
                problems.append(
                    f"{name}: exposes {service.get('expose')}, listens on {sorted(listens)}"
                )
            for key, server_key in LISTENS_ON.items():
                if key not in values:
                    continue
                host, _, port = values[key].rpartition(":")
                peers = [one for other, one in inside.items() if host in _names(other, one)]
                served = [overrides_of(one["command"]).get(server_key, ":0") for one in peers]
                if [port_of(address) for address in served] != [int(port)]:
                    problems.append(f"profile {profile}: {name}: nobody serves {key}={values[key]}")
        taken = {}
        for name, service in inside.items():
            reserved = service.get("deploy", {}).get("resources", {}).get("reservations", {})
            for device in reserved.get("devices", []):
                if "gpu" not in device.get("capabilities", []):
                    problems.append(f"{name}: a device without the capability gpu")
                for number in device.get("device_ids", []):
                    if not isinstance(number, str):
                        problems.append(f"{name}: device id {number!r} is no string")
                    if number in taken:
                        problems.append(
                            f"{name}: device {number} already belongs to {taken[number]}"
                        )
                    taken[number] = name
    for name, service in services.items():
        for mount in service.get("volumes", []):
            source, target = mount.split(":")[:2]
            if source.startswith("."):
                if not (DEPLOY / source).exists():
                    problems.append(f"{name}: {source} does not exist")
            elif source not in compose["volumes"]:
                problems.append(f"{name}: volume {source} is not declared")
            if target == "/tmp":
                problems.append(f"{name}: /tmp is a tmpfs")
        used = {mount.split(":")[1] for mount in service.get("volumes", [])}
        command = service.get("command", [])
        if "--config" in command and command[command.index("--config") + 1] not in used:
            problems.append(f"{name}: its --config is not mounted")
    return problems


def check_variables():
    """.env.example names exactly the variables that the file reads."""
    used = {name for name, _ in _VARIABLE.findall(read())} | {"COMPOSE_PROFILES"}
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    named = {line.lstrip("#").partition("=")[0] for line in lines if re.match(r"#?\w+=", line)}
    return [f".env.example and compose.yaml differ in {one}" for one in sorted(used ^ named)]


CHECKERS = {
    "schema": check_schema,
    "hardening": check_hardening,
    "health": check_health,
    "wiring": check_wiring,
}
