"""Two texts compared word by word."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from chatnb.rendering import terminal_text

LONGEST = 5_000  # words; a third of a second at worst, and what a page can hold

_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts that set no blanks between words
_MARKS = re.escape('!"#$%&()*+,./:;<=>?@[\\]^`{|}~') + "。、，！？「」…“”—"
_WORD = re.compile(rf"[{_CJK}]|[{_MARKS}]|[^\s{_CJK}{_MARKS}]+")

Change = Literal["same", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Part:
    """A run of words that is in both texts, only in the first or only in the second."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Differences:
    """The second text in parts, with what is missing of the first; `line` sums it up."""

    parts: tuple[Part, ...]
    line: str


@dataclass(frozen=True, slots=True)
class _Run:
    """Words that are the same in both texts, or that differ; either list may be empty."""

    equal: bool
    old: list[str]
    new: list[str]

    @property
    def words(self) -> int:
        return max(len(self.old), len(self.new))

    def __add__(self, other: _Run) -> _Run:
        return _Run(self.equal and other.equal, self.old + other.old, self.new + other.new)


def word_differences(first: str, second: str) -> Differences:
    """What of the second text is not in the first, and the other way round.

    >>> [(part.change, part.text) for part in word_differences("a red cat", "a black cat").parts]
    [('same', 'a '), ('removed', 'red '), ('added', 'black '), ('same', 'cat ')]
    >>> word_differences("a red cat", "a black cat").line
    '1 word added, 1 removed'

    Of texts above 5,000 words the beginnings are compared, and `line` says so.
    """
    old, new = _words(first), _words(second)
    longest = max(len(old), len(new))
    old, new = old[:LONGEST], new[:LONGEST]
    parts = tuple(part for run in _joined(_runs(old, new)) for part in _parts(run))
    line = _line(parts)
    if longest > LONGEST:
        line = f"of the first {LONGEST:,} of {longest:,} words: {line}"
    return Differences(parts, line)


def _words(text: str) -> list[str]:
    """The words and marks, each with the blanks that follow it, the last one too."""
    text = terminal_text(text).rstrip() + " "
    starts = [found.start() for found in _WORD.finditer(text)]
    if not starts:
        return []
    starts[0] = 0
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _runs(old: list[str], new: list[str]) -> list[_Run]:
    runs: list[_Run] = []
    at_old = at_new = 0
    for i, k in [*_matches([*map(str.strip, old)], [*map(str.strip, new)]), (len(old), len(new))]:
        if (at_old, at_new) != (i, k):
            runs.append(_Run(False, old[at_old:i], new[at_new:k]))
        runs.append(_Run(True, old[i : i + 1], new[k : k + 1]))
        at_old, at_new = i + 1, k + 1
    return runs[:-1]


def _matches(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """The places of a longest common subsequence.

    Not by difflib, which takes minutes where a model repeats itself. In each row of the table the
    bits say where its length does not grow: https://doi.org/10.1016/S0020-0190(01)00237-3
    """
    places: dict[str, int] = defaultdict(int)
    for at, word in enumerate(old):
        places[word] |= 1 << at
    full = (1 << len(old)) - 1
    rows = [full]
    for word in new:
        shared = rows[-1] & places.get(word, 0)
        rows.append(((rows[-1] + shared) | (rows[-1] - shared)) & full)
    found, i, k = [], len(old), len(new)
    while i and k:
        if old[i - 1] == new[k - 1]:
            i, k = i - 1, k - 1
            found.append((i, k))
        elif rows[k] >> (i - 1) & 1:
            i -= 1
        else:
            k -= 1
    return found[::-1]


def _joined(runs: list[_Run]) -> list[_Run]:
    """Neighbors as one, without chance: a "the" in two unlike passages is no common ground."""
    whole: list[_Run] = []
    for run in runs:
        _append(whole, run)
    kept: list[_Run] = []
    for at, run in enumerate(whole):
        following = whole[at + 1].words if at + 1 < len(whole) else 0
        before = kept[-1].words if kept and not kept[-1].equal else 0
        is_chance = run.equal and 2 * run.words <= min(before, following)
        _append(kept, replace(run, equal=False) if is_chance else run)
    return kept


def _append(runs: list[_Run], run: _Run) -> None:
    if runs and runs[-1].equal == run.equal:
        runs[-1] += run
    else:
        runs.append(run)


def _parts(run: _Run) -> Iterator[Part]:
    if run.equal:
        yield Part("same", "".join(run.new))
        return
    if run.old:
        yield Part("removed", "".join(run.old))
    if run.new:
        yield Part("added", "".join(run.new))


def _line(parts: Iterable[Part]) -> str:
    counts = {"added": 0, "removed": 0, "same": 0}
    for part in parts:
        counts[part.change] += len(_words(part.text))
    added, removed = counts["added"], counts["removed"]
    if not added and not removed:
        return "word for word the same"
    words = "word" if added == 1 else "words"
    return f"{added:,} {words} added, {removed:,} removed"
