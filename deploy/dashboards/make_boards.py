#!/usr/bin/env python3
"""Writes the Grafana boards: make_boards.py OUT_FOLDER. Needs nothing but Python.

The JSON is committed; deploy/checks makes it anew and compares, so a board is changed here and
never in the file. A panel says what it shows in one sentence; the metrics it reads are appended to
its description, and every query is limited to the chosen run.
"""

import json
import pathlib
import sys

from services import services
from training import training


def main():
    if len(sys.argv) != 2:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    out = pathlib.Path(sys.argv[1])
    for name, content in (("training", training()), ("services", services())):
        (out / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
