"""Rules for every text file of the tree: nothing unfinished, no silent exceptions to a rule, no traces of a machine.

Each rule is a function `(path, text) -> findings`, as in `tidy_code`. The patterns are written so that they do not
match themselves.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator

UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b")

MACHINE = re.compile(
    r"(?<![\w.$}*])/(?:w[o]rk|r[o]ot|f[a]rm|Us[e]rs|h[o]me)/\w"  # somebody's checkout
    r"|\bpypi\.[o]rg\b|python[h]osted\.org|\brepo1?\.m[a]ven|registry\.n[p]mjs|crates\.[i]o|proxy\.g[o]lang"
    r"|(?:extra-)?index-[u]rl|find-[l]inks"
)

CLAIMS = re.compile(
    r"\b(bl[a]zing|seam[l]ess(?:ly)?|world[- ]cl[a]ss|enterprise[- ]gr[a]de|production[- ]re[a]dy|battle[- ]t[e]sted"
    r"|cutting[- ][e]dge|state[- ]of[- ]the[- ][a]rt|bullet[p]roof|effort[l]ess(?:ly)?|obv[i]ously|next[- ]g[e]n)\b",
    re.IGNORECASE,
)

SUPPRESSION = re.compile(r"#\s*(type:\s*ignore|noqa|pragma:\s*no cover)")
REASONED = re.compile(
    r"#\s*(type:\s*ignore\[[a-z, -]+\]|noqa:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*|pragma:\s*no cover)\W+\w+\W+\w+"
)


def unfinished_work(path: str, text: str) -> Iterator[str]:
    """Nothing on the main branch says that it is not done. Prose may speak of the rule."""
    if not path.endswith(".md"):
        for line, found in _matches(UNFINISHED, text):
            yield f"{path}:{line}: {found}; instead: do it, or open an issue and leave the code whole"


def machine_traces(path: str, text: str) -> Iterator[str]:
    """No file names somebody's folder or a package registry: those are each user's own."""
    for line, found in _matches(MACHINE, text):
        yield f"{path}:{line}: {found} belongs to one machine; instead: a relative path, or the tool's own setting"


def claims(path: str, text: str) -> Iterator[str]:
    """Prose gives figures, not adjectives."""
    if path.endswith(".md"):
        for line, found in _matches(CLAIMS, text):
            yield f"{path}:{line}: {found!r} proves nothing; instead: the figure, and how it was measured"


def suppressions(path: str, text: str) -> Iterator[str]:
    """Who silences a tool names the rule, and the reason in words, on that line."""
    if not path.endswith(".py"):
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            for found in SUPPRESSION.finditer(token.string):
                if not REASONED.match(token.string, found.start()):
                    yield f"{path}:{token.start[0]}: {token.string}; instead: name the rule's code and the reason"


def white_space(path: str, text: str) -> Iterator[str]:
    """Lines end where their text ends, files with one line end."""
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield f"{path}: must end with exactly one line end"
    for line, row in enumerate(text.splitlines(), start=1):
        if row != row.rstrip():
            yield f"{path}:{line}: has white space at its end"


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    for found in pattern.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found.group()


CHECKS = (unfinished_work, machine_traces, claims, suppressions, white_space)
