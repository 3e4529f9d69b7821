"""The tree keeps its own rules, and each rule is shown to catch its breach.

The rules live in `support/tidy_*.py`; CONTRIBUTING.md tells them to people. A finding names file, line and remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import pytest

from support import tidy_code, tidy_text, tidy_tree

Check = Callable[[str, str], Iterator[str]]

LONG_FUNCTION = "def long():\n" + "    x = 1\n" * 70

BAD_SAMPLES: list[tuple[Check, str, str]] = [
    (tidy_code.file_sizes, "services/dojopool/a.py", "x = 1\n" * 401),
    (tidy_code.function_sizes, "services/dojopool/a.py", LONG_FUNCTION),
    (tidy_code.function_sizes, "tests/a.py", "async " + LONG_FUNCTION),
    (tidy_code.banned_calls, "services/dojopool/core/a.py", "import time\nnow = time.time()\n"),
    (tidy_code.banned_calls, "services/dojopool/core/a.py", "from time import monotonic as now\nnow()\n"),
    (tidy_code.banned_calls, "services/dojopool/core/a.py", "import random\nrandom.Random(1)\n"),
    (tidy_code.banned_calls, "services/dojopool/core/a.py", "from uuid import uuid4\nuuid4()\n"),
    (tidy_code.banned_calls, "services/dojopool/core/a.py", "from datetime import datetime\ndatetime.now()\n"),
    (tidy_code.banned_calls, "services/dojopool/replica/a.py", "import time\ntime.time_ns()\n"),
    (tidy_code.banned_calls, "services/dojopool/replica/a.py", "print('here')\n"),
    (tidy_code.banned_calls, "services/dojopool/codec/a.py", "import pickle\npickle.loads(b'')\n"),
    (tidy_code.banned_calls, "tests/a.py", "eval('1')\n"),
    (tidy_code.banned_calls, "tests/a.py", "import yaml\nyaml.load('')\n"),
    (tidy_code.banned_calls, "tests/a.py", "from os import system\nsystem('ls')\n"),
    (tidy_code.banned_calls, "tests/a.py", "import subprocess\nsubprocess.run('ls', shell=True)\n"),
    (tidy_code.banned_calls, "tests/a.py", "import time\ntime.sleep(1)\n"),
    (tidy_code.banned_calls, "services/dojopool/client/a.py", "import asyncio\nasyncio.create_task(f())\n"),
    (
        tidy_code.banned_calls,
        "services/dojopool/client/a.py",
        "import asyncio\nasyncio.ensure_future(f())  # allowed: x\n",
    ),
    (tidy_code.banned_calls, "tests/a.py", "import asyncio\nasyncio.get_event_loop()\n"),
    (tidy_code.banned_calls, "tests/a.py", "import random\nrandom.shuffle([])\n"),
    (tidy_code.banned_calls, "tests/a.py", "from unittest import mock\nmock.Mock()\n"),
    (tidy_code.sleeps_for_luck, "tests/a.py", "import asyncio\nasync def f():\n    await asyncio.sleep(0.2)\n"),
    (tidy_code.private_imports, "services/dojopool/client/a.py", "from dojopool.core.inbox import _waiting\n"),
    (tidy_code.private_imports, "tests/properties/a.py", "from dojopool.core._hidden import waiting\n"),
    (tidy_code.broad_excepts, "services/dojopool/a.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
    (tidy_code.broad_excepts, "services/dojopool/a.py", "try:\n    f()\nexcept (OSError, BaseException):\n    pass\n"),
    (tidy_code.broad_excepts, "services/dojopool/a.py", "try:\n    f()\nexcept:\n    pass\n"),
    (tidy_code.module_docstrings, "services/dojopool/a.py", "x = 1\n"),
    (tidy_code.docstrings_of_tests, "tests/unit/test_a.py", "def test_a():\n    assert True\n"),
    (tidy_code.docstrings_of_tests, "tests/unit/test_a.py", 'def test_a():\n    """It works"""\n'),
    (tidy_code.skips_without_reason, "tests/test_a.py", "import pytest\n@pytest.mark.skip\ndef f(): ...\n"),
    (tidy_code.skips_without_reason, "tests/test_a.py", "import pytest\npytest.mark.skipif(True)\n"),
    (tidy_code.skips_without_reason, "tests/test_a.py", "import pytest\npytest.skip()\n"),
    (tidy_text.unfinished_work, "deploy/Dockerfile", "# TO" + "DO pin this\n"),
    (tidy_text.unfinished_work, "services/dojopool/a.py", "x = 1  # FIX" + "ME\n"),
    (tidy_text.machine_traces, "Makefile", "PYTHON = /ho" + "me/ana/bin/python\n"),
    (tidy_text.machine_traces, "README.md", "see /wo" + "rk/notes\n"),
    (tidy_text.machine_traces, "requirements.lock", "--index-u" + "rl https://example.org\n"),
    (tidy_text.machine_traces, "requirements.lock", "https://py" + "pi.org/simple\n"),
    (tidy_text.claims, "README.md", "A bla" + "zing fast log.\n"),
    (tidy_text.suppressions, "tests/a.py", "x = 1  # no" + "qa\n"),
    (tidy_text.suppressions, "tests/a.py", "x = 1  # no" + "qa: S311\n"),
    (tidy_text.suppressions, "tests/a.py", "x = 1  # type: ig" + "nore[arg-type]\n"),
    (tidy_text.suppressions, "tests/a.py", "x = 1  # type: ig" + "nore  # a reason without the code\n"),
    (tidy_text.white_space, "README.md", "words \n"),
    (tidy_text.white_space, "README.md", "no line end"),
]

GOOD_SAMPLES: list[tuple[str, str]] = [
    ("services/dojopool/cli/a.py", '"""A."""\nprint("a command prints")\n'),
    ("services/dojopool/adapters/a.py", '"""A."""\nimport time\nnow = time.time()\n'),
    ("tests/a.py", "import asyncio\nt = asyncio.create_task(f())  # allowed: the fixture ends it\n"),
    ("services/dojopool/a.py", '"""A."""\nasync def f(group, step):\n    group.create_task(step())\n'),
    ("services/dojopool/a.py", '"""A."""\ntry:\n    f()\nexcept Exception:  # outermost loop: it is logged\n    g()\n'),
    ("tests/a.py", "import random\nrandom.Random(7).shuffle([])\n"),
    ("tests/a.py", "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n"),
    ("tests/a.py", "x = 1  # no" + "qa: S311 - spread, not secrecy\n"),
    ("tests/a.py", "x = 1  # type: ig" + "nore[arg-type]  # the wrong type is the test\n"),
    (
        "tests/unit/test_a.py",
        'from dojopool.core.inbox import _waiting\ndef test_a():\n    """A unit test may look inside."""\n',
    ),
    ("CONTRIBUTING.md", "No FIX" + "ME reaches the main branch.\n"),
]


@lru_cache(maxsize=1)
def tree() -> dict[str, str]:
    """Every text file of the checkout."""
    return dict(tidy_tree.text_files(tidy_tree.ROOT))


def findings(check: Check, files: dict[str, str]) -> list[str]:
    """All findings of one rule."""
    only_python = check in tidy_code.CHECKS
    return [
        found for path, text in files.items() if not only_python or path.endswith(".py") for found in check(path, text)
    ]


def named(check: Check) -> str:
    """A rule's name, as the id of its test."""
    return check.__name__


@pytest.mark.parametrize("check", [*tidy_code.CHECKS, *tidy_text.CHECKS], ids=named)
def test_the_tree_keeps_the_rule(check: Check) -> None:
    """No file of the tree breaks a rule."""
    found = findings(check, tree())

    assert found == [], "\n" + "\n".join(found)


@pytest.mark.parametrize(("check", "path", "text"), BAD_SAMPLES)
def test_a_breach_is_found(check: Check, path: str, text: str) -> None:
    """A rule reports its breach once, beginning with the place."""
    found = list(check(path, text))

    assert len(found) == 1
    assert found[0].startswith(path)


@pytest.mark.parametrize(("path", "text"), GOOD_SAMPLES)
def test_what_is_allowed_is_not_reported(path: str, text: str) -> None:
    """No rule reports what a rule's neighbour allows."""
    assert [found for check in (*tidy_code.CHECKS, *tidy_text.CHECKS) for found in findings(check, {path: text})] == []


def test_every_rule_has_a_bad_sample() -> None:
    """A rule that was never seen to fail is not in the list."""
    assert {check for check, _, _ in BAD_SAMPLES} == {*tidy_code.CHECKS, *tidy_text.CHECKS}


def test_every_ban_has_a_bad_sample() -> None:
    """Each banned call is found in some sample."""
    samples = [(path, text) for check, path, text in BAD_SAMPLES if check is tidy_code.banned_calls]
    found = "\n".join(finding for path, text in samples for finding in tidy_code.banned_calls(path, text))

    assert [ban.call for ban in tidy_code.BANS if ban.instead not in found] == []


def test_a_typical_module_is_short() -> None:
    """Half of the package's modules stay below the usual size."""
    assert list(tidy_tree.typical_size(tree())) == []
    assert list(tidy_tree.typical_size({"services/dojopool/a.py": "x = 1\n" * 201})) != []


def test_tests_mirror_modules() -> None:
    """Every module with code has a test at the mirrored path, and every unit test mirrors a module."""
    found = [
        *tidy_tree.modules_without_test(tree(), tidy_tree.ELSEWHERE),
        *tidy_tree.tests_without_module(tree()),
        *tidy_tree.idle_exemptions(tree(), tidy_tree.ELSEWHERE),
    ]

    assert found == [], "\n" + "\n".join(found)


def test_a_module_without_test_is_found() -> None:
    """A module is covered by its mirror, by a part of it or by a named place that exists, and by nothing else."""
    module = {"services/dojopool/core/inbox.py": "def deliver(): ...\n"}

    assert len(list(tidy_tree.modules_without_test(module, {}))) == 1
    assert len(list(tidy_tree.modules_without_test({**module, "tests/unit/test_inbox.py": ""}, {}))) == 1
    assert len(list(tidy_tree.modules_without_test({**module, "tests/unit/core/test_inboxes.py": ""}, {}))) == 1
    assert len(list(tidy_tree.modules_without_test(module, {"core/inbox.py": "tests/contracts"}))) == 1
    assert (
        list(
            tidy_tree.modules_without_test({**module, "tests/contracts/a.py": ""}, {"core/inbox.py": "tests/contracts"})
        )
        == []
    )
    assert list(tidy_tree.modules_without_test({**module, "tests/unit/core/test_inbox.py": ""}, {})) == []
    assert list(tidy_tree.modules_without_test({**module, "tests/unit/core/test_inbox_limits.py": ""}, {})) == []
    assert list(tidy_tree.modules_without_test({"services/dojopool/core/names.py": "MATCH = 1\n"}, {})) == []


def test_a_test_without_module_is_found() -> None:
    """A unit test that mirrors nothing is reported."""
    files = {"services/dojopool/core/inbox.py": "", "services/dojopool/__init__.py": "", "tests/unit/test_init.py": ""}

    assert list(tidy_tree.tests_without_module(files)) == []
    assert len(list(tidy_tree.tests_without_module({**files, "tests/unit/core/test_outbox.py": ""}))) == 1


def test_an_idle_exemption_is_found() -> None:
    """An exemption ends with its reason."""
    module = {"services/dojopool/ports.py": "def f(): ...\n"}

    assert list(tidy_tree.idle_exemptions(module, {"ports.py": "tests/contracts"})) == []
    assert len(list(tidy_tree.idle_exemptions({}, {"ports.py": "tests/contracts"}))) == 1
    assert len(list(tidy_tree.idle_exemptions({**module, "tests/unit/test_ports.py": ""}, {"ports.py": "x"}))) == 1
