"""Plants the faults of seeded_bad.yaml one by one; the named checker must refuse each."""

import re

import check_boards
import check_compose
import check_config
import check_image
import check_manifests
import check_monitoring
from paths import DEPLOY, load_yaml


def _sound():
    """{what: (text, {checker name: function of a text})}"""
    sound = {
        "compose": (check_compose.read(), check_compose.CHECKERS),
        "rules": (check_monitoring.RULES.read_text(), {"alerts": check_monitoring.check_alerts}),
        "dockerfile": (
            check_image.FILE.read_text(),
            {"contract": check_image.check_contract, "version": check_image.check_version},
        ),
        "run": (
            (DEPLOY / "config" / "run.yaml").read_text(),
            {"config": lambda text: check_config.check_values(text, "run.yaml")},
        ),
    }
    for path in check_boards.files():
        checkers = {
            "lint": check_boards.check_lint,
            "answers": lambda text: check_boards.check_answers([text]),
        }
        sound[path.stem] = (path.read_text(), checkers)
    for overlay in check_manifests.overlays():
        checkers = {
            name: lambda text, check=check: check(check_manifests.parse(text))
            for name, check in check_manifests.CHECKERS.items()
        }
        sound[overlay] = (check_manifests.render(overlay)[1], checkers)
    return sound


def faults():
    """Yields (name, function that returns the findings about the checks)."""
    sound = _sound()
    for fault in load_yaml(DEPLOY / "checks" / "seeded_bad.yaml"):
        text, checkers = sound[fault["of"]]
        name = f"{fault['of']}: {fault['with'].strip() or 'without ' + fault['replace'].strip()}"
        yield " ".join(name.split())[:70], lambda fault=fault, text=text, checkers=checkers: _plant(
            fault, text, checkers[fault["checker"]]
        )


def _plant(fault, text, check):
    for pattern, replacement in ((fault["replace"], fault["with"]), fault.get("and", ("", ""))):
        if pattern and not re.search(pattern, text):
            return [f"nothing in the sound file matches {pattern}"]
        text = re.sub(pattern, lambda _: replacement, text, count=1) if pattern else text
    findings = check(text)
    if not any(fault["says"] in finding for finding in findings):
        return [f"the checker {fault['checker']} does not say {fault['says']!r} but {findings[:3]}"]
    return []
