"""Runs every offline check of deploy/ and k8s/: one line per check, then the totals."""

import sys
import traceback

import check_boards
import check_compose
import check_config
import check_image
import check_manifests
import check_monitoring
import seeded
from paths import relative


def checks():
    """Yields (name, function that returns findings)."""
    for overlay in check_manifests.overlays():
        problems, text = check_manifests.render(overlay)
        yield f"k8s {overlay}: kubectl kustomize", lambda problems=problems: problems
        items = check_manifests.parse(text)
        for name, check in check_manifests.CHECKERS.items():
            yield f"k8s {overlay}: {name}", lambda check=check, items=items: check(items)
    for name, check in check_compose.CHECKERS.items():
        yield f"compose: {name}", lambda check=check: check(check_compose.read())
    yield "compose: variables", check_compose.check_variables
    yield "configuration keys", check_config.check
    yield "image: hadolint", check_image.check_hadolint
    yield "image: contract", lambda: check_image.check_contract(check_image.FILE.read_text())
    yield "image: version", lambda: [
        f"{relative(path)}: {finding}"
        for path in check_image.tagged_files()
        for finding in check_image.check_version(path.read_text())
    ]
    yield "prometheus: configuration", check_monitoring.check_prometheus
    yield "prometheus: rules", check_monitoring.check_rules
    yield "prometheus: rule tests", check_monitoring.check_rule_tests
    yield "prometheus: targets", check_monitoring.check_targets
    yield "prometheus: alerts and runbooks", lambda: check_monitoring.check_alerts(
        check_monitoring.RULES.read_text()
    )
    yield "alertmanager: configuration", check_monitoring.check_alertmanager
    yield "boards: made by their script", check_boards.check_generated
    for path in check_boards.files():
        yield f"boards: {path.stem}", lambda path=path: check_boards.check_lint(path.read_text())
    yield "boards: every query answers", check_boards.check_all_answers
    for name, plant in seeded.faults():
        yield f"refuses {name}", plant


def main():
    passed = failed = 0
    for name, check in checks():
        try:
            findings = check()
        except Exception:  # A check that breaks is a check that fails, and the others still run.
            findings = [traceback.format_exc()]
        print(f"{'FAIL' if findings else 'ok  '}  {name}", flush=True)
        for finding in findings:
            print(f"      {finding}", flush=True)
        failed += bool(findings)
        passed += not findings
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
