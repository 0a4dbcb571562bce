"""What `check` and `hint` answer with: values that show themselves in a notebook and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chatnb.rendering import escaped, terminal_text

_PASSED, _NOT_YET = "passed", "not yet"
# The colors are the front end's own, so that they hold on a dark page too; what follows the comma
# is for front ends that have none. A word says the same as the color.
_COLORS = {
    _PASSED: "var(--jp-success-color1,#2e7d32)",
    _NOT_YET: "var(--jp-warn-color1,#b26a00)",
}
_QUIET = "var(--jp-ui-font-color2,#767676)"
_FRAME = (
    '<div class="chatnb-finding mathjax_ignore" style="margin:0 0 2px 8px;padding:2px 0 2px 12px;'
    "border-left:3px solid {color};line-height:1.5;font-family:var(--jp-ui-font-family,system-ui,"
    'sans-serif)">{body}</div>'
)
_LINE = '<div style="overflow-wrap:anywhere;{style}">{text}</div>'


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check measured, whether that passes, and why; true where it passes.

    >>> print(Finding(True, "finish_reason: length", "The cap ended the answer.", "08.1"))
    08.1 passed: finish_reason: length
    The cap ended the answer.

    `number` is filled in by `check`.
    """

    passed: bool
    measured: str
    why: str
    number: str = ""

    def __bool__(self) -> bool:
        return self.passed

    @property
    def verdict(self) -> str:
        return _PASSED if self.passed else _NOT_YET

    def __str__(self) -> str:
        head = f"{self.number} {self.verdict}".strip()
        return terminal_text("\n".join(filter(None, (f"{head}: {self.measured}", self.why))))

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, Any]:
        color = _COLORS[self.verdict]
        head = (
            f'<strong style="color:{color}">{escaped(self.verdict)}:</strong> '
            f"{escaped(self.measured)}"
        )
        number = f'<span style="color:{_QUIET}">{escaped(self.number)}</span> '
        lines = [number + head if self.number else head, escaped(self.why) if self.why else ""]
        return {"text/html": _framed(color, lines), "text/plain": str(self)}


@dataclass(frozen=True, slots=True)
class Hints:
    """The hints of an exercise as far as they have been asked for."""

    number: str
    shown: tuple[str, ...]
    count: int

    @property
    def left(self) -> str:
        left = self.count - len(self.shown)
        if not self.count:
            return "This exercise has no hints."
        return f"{left} more: hint({self.number!r}) again" if left else "That was the last hint."

    def __str__(self) -> str:
        return terminal_text("\n".join((*self._numbered(), self.left)))

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, Any]:
        lines = [*map(escaped, self._numbered())]
        left = f'<span style="color:{_QUIET}">{escaped(self.left)}</span>'
        return {"text/html": _framed(_QUIET, [*lines, left]), "text/plain": str(self)}

    def _numbered(self) -> list[str]:
        return [f"{place}. {text}" for place, text in enumerate(self.shown, 1)]


def _framed(color: str, lines: Iterable[str]) -> str:
    body = "".join(_LINE.format(style="", text=line) for line in lines if line)
    return _FRAME.format(color=color, body=body)
