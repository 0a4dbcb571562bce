"""Split growing Markdown into the blocks that are finished and the one in progress.

A block is finished when nothing that can still come changes it, so what was once drawn stays as it
is. Where the rules of CommonMark are finer than these, two blocks count as one: that is always
safe, since a parser sees both anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from chatnb.rendering.markdown_math import ENVIRONMENT, environment_end

_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}(?=[^`]*$)|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_NEXT_ITEM = re.compile(r"\n(?=(?:[-*+]|\d{1,9}[.)])[ \t])")
_INTERRUPTING_ITEM = re.compile(r"(?:[-*+]|1[.)])[ \t]+\S")
_MATH = re.compile(rf" {{0,3}}(?:(?P<dollars>\$\$)|\\\[|{ENVIRONMENT})")
_TABLE_LINE = re.compile(r"[ |:-]*-[ |:-]*$")
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


def opening(block: str) -> str:
    r"""What must stand before the rest of a cut block, so that it is read as what it is.

    >>> opening("```python\nx = 1\n")
    '```python\n'

    The line that opens a code block, the two that open a table; nothing for other blocks.
    """
    lines = list(_lines(block.lstrip("\n")))
    if not lines or not lines[0].endswith("\n"):
        return ""
    if _FENCE.match(lines[0].rstrip()):
        return lines[0]
    is_table = len(lines) > 2 and "|" in lines[0] and _TABLE_LINE.match(lines[1].rstrip())
    return "".join(lines[:2]) if is_table else ""


def seam(block: str, least: int) -> int | None:
    r"""Where a block can be cut, at `least` or after it, so that its parts look like the whole.

    >>> seam("- one\n- two\n- thr", 3)
    12

    Between two items of a list, and between two lines of a code block; None: nowhere.
    """
    first = block.lstrip("\n")
    if _ITEM.match(first):
        places = [match.end() for match in _NEXT_ITEM.finditer(block, max(least - 1, 0))]
        return places[-1] if places else None
    is_code = _FENCE.match(first.partition("\n")[0]) and first.find("\n", 0, -1) >= 0
    place = block.rfind("\n", max(least - 1, 0)) + 1
    return place if is_code and place > block.find("\n", len(block) - len(first)) + 1 else None


def good_place(text: str, least: int) -> int:
    """Where to cut what has no seam, at `least` or after it: after a line, sentence or word."""
    line = text.rfind("\n", least) + 1
    sentences = [match.end() for match in _SENTENCE_END.finditer(text, least)]
    word = text.rfind(" ", least) + 1
    return line or (sentences[-1] if sentences else word) or len(text)


def _ends(text: str) -> Iterator[int]:
    """The positions where blocks end, each known for good from the lines up to it."""
    scanner = _Scanner()
    position = 0
    for line in _lines(text):
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
            self.kind, self.fence = "math", "$$" if math["dollars"] else environment_end(math)
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
