"""What operators are told is what programs say: metrics, alert rules, log lines, kinds of letters."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from dojopool.adapters.prometheus import PrometheusObserver
from dojopool.adapters.prometheus_checker import PrometheusCheckObserver
from dojopool.core.invariants.register import RESERVED
from dojopool.core.streams import LetterKind
from dojopool.ports import BatchFacts
from support.checking import check_facts
from support.pipeline import POOL
from support.region import NOW_MS, SetClock
from support.tidy_tree import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text()
NAME = re.compile(r"dojo_(?:replica|checker)_[a-z_]+[a-z]")
BY_PROMETHEUS = frozenset({"le"})
"""Labels that a rule may name of every histogram."""


def metrics() -> dict[str, frozenset[str]]:
    """Every sample of a replica and a checker that have seen everything: name -> its labels."""
    observer = PrometheusObserver(region="eu", regions=("eu",), clock=SetClock())
    each = {"eu": NOW_MS}
    observer.partition_claimed(0, epoch=1, matches=0, mark_time_ms=each)
    observer.batch_applied(BatchFacts(0, 1, 1, 1, 1, 1, 1, 1, 1, 0.1, each, each, 1, 0.0, each, 0, ()), write_s=0.1)
    observer.partition_failed(0, error=RuntimeError("x"))
    observer.mark_failed(0, error=RuntimeError("x"))
    for kind in LetterKind:
        observer.letter_written(topic="t", partition=0, offset=0, kind=kind.value, reason="x")
    checker = PrometheusCheckObserver(region="eu", clock=SetClock())
    checker.partition_claimed(3, epoch=0, matches=0, mark_time_ms=each)
    checker.checked(check_facts(), publish_s=0.1)
    checker.partition_failed(3, error=RuntimeError("x"))
    text = observer.expose()[1].decode() + checker.expose()[1].decode()
    return {
        sample.name: frozenset(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(("dojo_replica_", "dojo_checker_")) and not sample.name.endswith("_created")
    }


def rules() -> list[dict[str, Any]]:
    """The example alert rules."""
    [group] = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def faults(rule: Mapping[str, Any], known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What a rule names and a replica does not have."""
    named = NAME.findall(rule["expr"])
    if not named:
        yield "names no metric"
    for name in named:
        if name not in known:
            yield f"{name} does not exist"
        # What is grouped by must be on the metric, else one alert stands for all.
        for labels in re.findall(r"by \(([^)]*)\)", rule["expr"]):
            if missing := {label.strip() for label in labels.split(",")} - known.get(name, frozenset()) - BY_PROMETHEUS:
                yield f"{name} has no {sorted(missing)}"
    grouped = [set(re.split(r",\s*", labels)) for labels in re.findall(r"by \(([^)]*)\)", rule["expr"])]
    kept = grouped[0] if grouped else set().union(*(known.get(name, frozenset()) for name in named))
    for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        if label not in kept:
            yield f"the text names {label}, which the result does not have"


def base(name: str) -> str:
    """A metric as people name it: a histogram's samples are one."""
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_alert_rules_name_what_exists() -> None:
    """Every metric and label of a rule is one of a replica, and every rule says in words what is wrong."""
    known = metrics()

    assert {rule["alert"]: list(faults(rule, known)) for rule in rules()} == {rule["alert"]: [] for rule in rules()}
    assert all(rule["annotations"]["summary"].endswith(".") for rule in rules())


def test_a_wrong_rule_is_seen() -> None:
    """A metric, a grouping and a text that fit nothing are each named."""
    wrong = {
        "expr": "sum by (shard) (rate(dojo_replica_claims[5m]))",
        "annotations": {"summary": "{{ $labels.topic }}"},
    }

    assert list(faults(wrong, metrics())) == [
        "dojo_replica_claims does not exist",
        "dojo_replica_claims has no ['shard']",
        "the text names topic, which the result does not have",
    ]
    assert list(faults({"expr": "up == 0", "annotations": {}}, {})) == ["names no metric"]


def test_every_metric_is_explained_and_no_other() -> None:
    """docs/operating.md has a row for each."""
    rows = {name for line in PAGE.splitlines() if line.startswith("| `dojo_") for name in NAME.findall(line)}

    assert rows == {base(name) for name in metrics()}
    assert set(map(base, NAME.findall(PAGE))) == rows


def test_every_log_line_is_explained() -> None:
    """Each event that a replica or a checker logs has a row with its fields."""
    rows = dict(re.findall(r"^\| `([a-z ]+)` \| [a-z]+ \| ([a-z_, ]+) \|", PAGE, re.MULTILINE))
    said = {}
    package = ROOT / "services" / "dojopool"
    for path in sorted([*(package / "replica").glob("*.py"), *(package / "checker").glob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("log.info", "log.warning", "log.error"):
                assert isinstance(node.args[0], ast.Constant), (
                    f"{path}:{node.lineno}: the event of a line is a constant"
                )
                said[node.args[0].value] = ", ".join(str(word.arg) for word in node.keywords)

    assert rows == said


def test_every_kind_of_letter_is_explained() -> None:
    """An operator finds what to do by the label."""
    assert [kind for kind in LetterKind if f"`{kind.value}`:" not in PAGE] == []


def test_every_built_in_rule_is_explained() -> None:
    """A live-ops person finds what each rule means and what to do."""
    names = [*POOL.game.invariants, *RESERVED]

    assert [name for name in names if f"**`{name}`**" not in PAGE] == []
