#!/usr/bin/env python3
"""Writes the Grafana boards: make_boards.py OUT_FOLDER. Needs nothing but Python.

The JSON is committed; deploy/checks generates it again and compares, so change a board here and
never in the file. A panel says in one sentence what it shows. The metrics it reads are appended to
its description, and every query is limited to the chosen run. A metric that no panel reads gets a
panel in the last row of a board, so every row of the tables in libs/statistics is on a board.
"""

import json
import pathlib
import sys

import services
import training
from panels import board, unread


def boards():
    """{file name: content}"""
    rows = training.rows() + services.rows()
    more_of_training = ("More of the learner", unread(rows, {"learner"}))
    more_of_services = (
        "More of the workers and the reward service",
        unread(rows, {"rollout", "reward"}),
    )
    serve = ("Serving", unread(rows, {"serve"}))
    return {
        "training": board(
            "convrec-training",
            "convrec / Training",
            "Is the policy getting better, and is it still healthy?",
            training.rows() + [more_of_training],
        ),
        "services": board(
            "convrec-services",
            "convrec / Services",
            "Where does the time go, and is everything up?",
            services.rows() + [more_of_services, serve],
        ),
    }


def main():
    if len(sys.argv) != 2:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 64
    out = pathlib.Path(sys.argv[1])
    for name, content in boards().items():
        (out / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
