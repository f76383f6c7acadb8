"""Where things are: the tree, the tools, and how a tool is called."""

import os
import pathlib
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
K8S = ROOT / "k8s"
RUNBOOKS = ROOT / "docs" / "runbooks"
VENV_BIN = pathlib.Path(sys.prefix) / "bin"
TOOLS_BIN = pathlib.Path(os.environ.get("CONVREC_OPS_BIN", VENV_BIN))


def tool(name):
    """The path of a tool: the environment's own, else the one on PATH."""
    for folder in (TOOLS_BIN, VENV_BIN):
        if (folder / name).exists():
            return str(folder / name)
    return name


def call(*command, cwd=ROOT):
    """Runs a tool; returns ([], output) on success, ([problem], output) on failure."""
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60
    )
    output = done.stdout + done.stderr
    if done.returncode == 0:
        return [], done.stdout
    return [f"{pathlib.Path(command[0]).name}: {output.strip()}"], done.stdout


def load_yaml(path):
    with open(path) as file:
        return yaml.safe_load(file)


def relative(path):
    return str(pathlib.Path(path).relative_to(ROOT))
