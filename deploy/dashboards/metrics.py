"""The exported metrics as deploy/checks/metrics.txt lists them. Needs nothing but Python."""

import pathlib

LIST = pathlib.Path(__file__).resolve().parents[1] / "checks" / "metrics.txt"


class Metric:
    def __init__(self, kind, name, process, unit, across, labels, help_):
        self.kind = kind
        self.name = name
        # "every", or the process that exports it.
        self.process = process
        self.unit = unit
        # The PromQL aggregation that combines the values of several processes.
        self.across = across
        # Label -> its closed set of values, or None where any value may occur.
        self.labels = labels
        self.help = help_


def load():
    """Reads the list into {name: Metric}, in its order."""
    metrics = {}
    for line in LIST.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        columns, _, help_ = line.partition(" | ")
        kind, name, process, unit, across, *labels = columns.split()
        pairs = [label.partition("=") for label in labels]
        closed = {label: values.split(",") if values else None for label, _, values in pairs}
        metrics[name] = Metric(kind, name, process, unit, across, closed, help_)
    return metrics
