"""The Dockerfile: hadolint, and what the other files assume about the images."""

import json
import re

import check_compose
from paths import DEPLOY, K8S, ROOT, call, relative, tool

FILE = DEPLOY / "Dockerfile"


def check_hadolint():
    return call(tool("hadolint"), "-c", str(DEPLOY / ".hadolint.yaml"), str(FILE))[0]


def version():
    header = (ROOT / "libs" / "base" / "version.h").read_text()
    return re.search(r'kVersion\[\] = "([^"]+)"', header).group(1)


def check_version(text):
    """The tags of our images, and the label of the Dockerfile, are the version of the sources."""
    patterns = (r"convrec-(?:reward|cpu|gpu):([\w.]+)", r"newTag: (\S+)", r"ARG VERSION=(\S+)")
    tags = [tag for pattern in patterns for tag in re.findall(pattern, text)]
    return [f"{tag} is not the version {version()}" for tag in tags if tag != version()]


def tagged_files():
    names = ("Dockerfile", "README.md", "compose.yaml", ".env.example")
    return [DEPLOY / name for name in names] + sorted(K8S.rglob("kustomization.yaml"))


def check_contract(text):
    problems = []
    final = {"reward", "cpu", "gpu"}
    stages, current = {}, None
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.M))
    for line in joined.splitlines():
        match = re.match(r"FROM (\S+) AS (\S+)", line)
        if match:
            current = match.group(2)
            stages[current] = [("FROM", match.group(1))]
        elif current and line.strip():
            word, _, rest = line.strip().partition(" ")
            stages[current].append((word, rest))
    for name in sorted(final):
        if name not in stages:
            problems.append(f"no stage {name}")
            continue
        lines, parent = [], name
        while parent in stages:
            lines = stages[parent][1:] + lines
            parent = stages[parent][0][1]
        values = dict(lines)
        if values.get("USER") != "10001:10001":
            problems.append(f"{name}: USER is {values.get('USER')}, not the number 10001:10001")
        try:
            if json.loads(values.get("ENTRYPOINT", "")) != ["/usr/local/bin/convrec"]:
                raise ValueError
        except ValueError:
            problems.append(f'{name}: ENTRYPOINT is not ["/usr/local/bin/convrec"] in exec form')
        if any(word == "RUN" and "apt-get" in rest for word, rest in lines):
            problems.append(f"{name}: a runtime image installs packages")
        if any(word == "COPY" and not rest.startswith("--from=") for word, rest in lines):
            problems.append(f"{name}: a runtime image copies from the build context")
    if re.search(r":latest\b", text):
        problems.append("latest names no version")
    compose = check_compose.parse(check_compose.read())
    for name, service in check_compose.ours(compose).items():
        build = service["build"]
        if build["target"] not in stages or build["dockerfile"] != "deploy/Dockerfile":
            problems.append(f"compose, {name}: builds {build['target']} of {build['dockerfile']}")
    allowed = [
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    build = (ROOT / "CMakeLists.txt").read_text()
    folders = re.findall(r"add_subdirectory\(([\w/]+)\)", build)
    files = ("CMakeLists.txt", "CMakePresets.json", "LICENSE", "deploy/collect_runtime")
    for needed in (*files, "cmake", "configs", *folders):
        if not any(needed == one or one == f"{needed}/CMakeLists.txt" for one in allowed):
            problems.append(f"Dockerfile.dockerignore leaves out {needed}")
    for one in allowed:
        if not (ROOT / one).exists():
            problems.append(f"Dockerfile.dockerignore names {one}, which does not exist")
    return problems
