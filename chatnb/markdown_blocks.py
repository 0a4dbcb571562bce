"""Split growing Markdown into the blocks that are finished and the one in progress.

A block is finished when nothing that can still come changes it, so what was once drawn stays as it
is. Where the rules of CommonMark are finer than these, two blocks count as one: that is always
safe, since a parser sees both anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}(?=[^`]*$)|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_INTERRUPTING_ITEM = re.compile(r"(?:[-*+]|1[.)])[ \t]+\S")
_MATH = re.compile(r" {0,3}(?P<marks>\$\$|\\\[)")
_SENTENCE_END = re.compile(r"[.!?:;][\"')\]]* |[。！？]")


class Split(NamedTuple):
    """Finished blocks and the rest; joined they are the text."""

    finished: tuple[str, ...]
    rest: str


def split(text: str) -> Split:
    """The finished blocks of a Markdown text, and what is still in progress.

    >>> split("# Title\\nOne.\\n\\nTw")
    Split(finished=('# Title\\n', 'One.\\n\\n'), rest='Tw')

    A line counts once its newline is there. Blank lines belong to the block before them, or, from
    the second on, to the one after.
    """
    ends = list(_ends(text))
    starts = [0, *ends]
    finished = tuple(text[start:end] for start, end in zip(starts, ends, strict=False))
    return Split(finished, text[starts[-1] :])


def open_fence(text: str) -> str | None:
    """The line that opened the code block in progress, where the text ends inside one.

    >>> open_fence("```python\\nx = 1\\n")
    '```python\\n'
    """
    line, newline, _ = split(text).rest.lstrip("\n").partition("\n")
    return line + newline if newline and _FENCE.match(line) else None


def good_place(text: str, least: int) -> int:
    """Where a block that is too long is best cut, at `least` or after it: a line, sentence, word."""
    item = re.compile(r"\n(?=(?:[-*+]|\d{1,9}[.)])[ \t])").search(text, least)
    line = text.rfind("\n", least)
    if item or line >= 0:
        return (item.start() if item else line) + 1
    sentences = [match.end() for match in _SENTENCE_END.finditer(text, least)]
    word = text.rfind(" ", least)
    return sentences[-1] if sentences else (word + 1 if word >= 0 else len(text))


def _ends(text: str) -> Iterator[int]:
    """The positions where blocks end, each known for good from the lines up to it."""
    scanner = _Scanner()
    position = 0
    for line in text.splitlines(keepends=True) if "\r" in text else _lines(text):
        if not line.endswith("\n"):
            return
        ends_before, ends_after = scanner.read(line.rstrip("\r\n"))
        if ends_before and position:
            yield position
        position += len(line)
        if ends_after:
            yield position


def _lines(text: str) -> Iterator[str]:
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start : end + 1]
        start = end + 1
    if start < len(text):
        yield text[start:]


class _Scanner:
    """Reads line by line; knows the kind of the block it is in."""

    def __init__(self) -> None:
        self.kind = ""
        self.fence = ""

    def read(self, line: str) -> tuple[bool, bool]:
        """Whether a block ends before this line, and whether one ends after it."""
        if self.kind == "code":
            return False, self._leave_if(self._closes_fence(line))
        if self.kind == "math":
            closed = line.rstrip().endswith(self.fence) or not line.strip()
            return False, self._leave_if(closed)
        if self.kind == "loose":
            return self._in_loose(line)
        if self.kind == "paragraph":
            return self._in_paragraph(line)
        return False, self._begin(line)

    def _in_loose(self, line: str) -> tuple[bool, bool]:
        """Lists and indented code: blank lines do not end them, other text at the margin does."""
        at_margin = bool(line) and line[0] not in " \t"
        interrupts = _FENCE.match(line) or _HEADING.match(line)
        ended = at_margin and not _ITEM.match(line) and (self.fence == "blank" or interrupts)
        self.fence = "" if line.strip() else "blank"
        return (True, self._begin(line)) if ended else (False, False)

    def _in_paragraph(self, line: str) -> tuple[bool, bool]:
        if not line.strip() or _UNDERLINE.match(line):
            return False, self._leave_if(True)
        if _FENCE.match(line) or _HEADING.match(line) or _INTERRUPTING_ITEM.match(line):
            return True, self._begin(line)
        return False, False

    def _begin(self, line: str) -> bool:
        """Enter the block that this line opens; true where the line is all of it."""
        self.kind, self.fence = "", ""
        if not line.strip():
            return False
        if fence := _FENCE.match(line):
            self.kind, self.fence = "code", fence["marks"]
        elif _HEADING.match(line) or _RULE.match(line):
            return True
        elif math := _MATH.match(line):
            self.kind, self.fence = "math", "$$" if math["marks"] == "$$" else "\\]"
            return self._leave_if(line.rstrip().endswith(self.fence) and len(line.strip()) > 3)
        elif line[0] in " \t" or _ITEM.match(line):
            self.kind = "loose"
        else:
            self.kind = "paragraph"
        return False

    def _closes_fence(self, line: str) -> bool:
        marks = line.strip(" \t")
        indent = len(line) - len(line.lstrip(" "))
        only = set(marks) == {self.fence[0]}
        return only and indent < 4 and len(marks) >= len(self.fence)

    def _leave_if(self, ended: bool) -> bool:
        if ended:
            self.kind, self.fence = "", ""
        return ended
