"""What of a growing reply goes to the screen next, with bytes that stay linear in the reply.

Redrawing the whole text ten times a second costs 40 times its bytes. So only the last output is
redrawn; where a Markdown block ends it is left as it is and the next output begins, and a redraw
that the reply cannot afford is skipped. One that comes slowly enough to be read along is redrawn
every 0.3 s in any case: there a standstill is worse than bytes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chatnb import rendering
from chatnb.rendering import literal_html, reply_html
from chatnb.rendering.markdown_blocks import good_place, opening, seam, split
from chatnb.rendering.markdown_html import Piece
from chatnb.rendering.reply_view import streaming_choices_html

CLOSE_AFTER = 300  # characters; an output of about a paragraph is cheap to redraw
LONGEST = 1_000  # characters of one output where no block ends
LONGEST_FORMATTED = 4_000  # characters that came at once: nobody reads these while they stream
LONGEST_DRAWN = rendering.LONGEST_FORMATTED  # characters; of a longer reply the end shows a part
ONCE = 1.3  # times its text: what drawing an output once costs anyway
EXTRA = 2.2  # times the reply's bytes: what redraws, colors and tables may cost on top
DEAR = 3  # times its text: tables of small cells, which stay text where they cannot be afforded
SHORT = 1_700  # bytes: a reply below it may cost what one of this size may
SHORT_CHOICE = 5_000  # bytes, likewise, of each choice: its card is redrawn with it
SLACK = 600  # bytes that any reply may cost on top
LONGEST_PAUSE = 0.28  # seconds; a little less than three publications
READ_ALONG = 600  # characters a second; faster ones end their outputs often enough


@dataclass(frozen=True, slots=True)
class Drawing:
    """HTML for the output with this number; its first drawing makes the output."""

    output: int
    html: str


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where an output ends, and the block that goes on in the next one, if it ends inside one."""

    end: int
    inside: str = ""


class Pace:
    """When the reply was last drawn, and how fast it comes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: float | None = None  # when the first text was drawn
        self._drawn = 0.0

    def is_slow(self, length: int) -> bool:
        """Whether a reply that is now so many characters long can be read along."""
        begun = self._first
        return begun is not None and length <= READ_ALONG * (self._clock() - begun)

    def is_due(self, length: int) -> bool:
        """Whether a slow reply has stood still for as long as it may."""
        return self.is_slow(length) and self._clock() - self._drawn >= LONGEST_PAUSE

    def drawn(self) -> None:
        self._drawn = self._clock()
        self._first = self._drawn if self._first is None else self._first


class StreamPieces:
    """Turns each state of a growing text into at most one drawing.

    >>> StreamPieces().next("Hel").output
    0

    `clock`: seconds, from any moment on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = Pace(clock)
        self._output = 0
        self._start = 0  # where in the text the output that is still redrawn begins
        self._opening = ""  # what is put before it, if the block began in the output before
        self._drawn = 0  # up to where the text is on screen
        self._extra = 0

    def next(self, text: str) -> Drawing | None:
        """What to draw now that the reply has grown to this text; None: nothing yet.

        Nothing more where it is longer than it will be shown at its end.
        """
        text = text[:LONGEST_DRAWN]
        if len(text) <= self._drawn:
            return None
        cut = self._cut(text)
        return self._redraw(text) if cut is None else self._close(text, cut)

    def _cut(self, text: str) -> _Cut | None:
        """Where the output ends for good: only text that is not on screen yet may move on."""
        shown = self._opening + text[self._start :]
        rest = split(shown).rest
        least = max(self._drawn, self._start + CLOSE_AFTER)
        begins = len(text) - len(rest)  # the block in progress; before the start if it was cut
        if begins >= least:
            return _Cut(begins)
        place = seam(rest, least - begins)
        if place is None and len(text) - self._start >= LONGEST:
            place = good_place(rest, max(least - begins, 0))
        return None if place is None else _Cut(begins + place, inside=rest)

    def _redraw(self, text: str) -> Drawing | None:
        part = self._opening + text[self._start :]
        must = not self._drawn or self._pace.is_due(len(text))
        if not must and not self._affordable(part, text):
            return None  # before it is rendered: HTML is never shorter
        html = self._html(part, Piece(bool(self._opening), colors=False))
        if not must and not self._affordable(html, text):
            return None
        return self._drawing(html, len(text), free=0)

    def _close(self, text: str, cut: _Cut) -> Drawing:
        part = self._opening + text[self._start : cut.end]
        html = self._best(part, Piece(bool(self._opening), continues=bool(cut.inside)), text)
        drawing = self._drawing(html, cut.end, free=_once(text[self._start : cut.end]))
        self._opening = opening(cut.inside)
        self._start = cut.end
        self._output += 1
        return drawing

    def _best(self, part: str, piece: Piece, text: str) -> str:
        """An output's last look: colors where the reply can afford them, plain where it must."""
        whole_block = not (piece.continued or piece.continues)
        if "```" in part and whole_block:
            colored = self._html(part, piece)
            if self._affordable_once(colored, part, text):
                return colored
        html = self._html(part, replace(piece, colors=False))
        is_dear = len(html) > DEAR * len(part) and "```" not in part
        if not is_dear or self._affordable_once(html, part, text):
            return html
        return literal_html(part.removeprefix(self._opening), piece)

    def _html(self, part: str, piece: Piece) -> str:
        """Formatted, but for what cannot wait: the first text, and a flood."""
        first = not self._drawn and "markdown_it" not in sys.modules
        if first or len(part) > LONGEST_FORMATTED:
            return literal_html(part.removeprefix(self._opening), piece)
        return reply_html(part, piece)

    def _affordable_once(self, html: str, part: str, text: str) -> bool:
        """For an output's last look, which a slow reply affords: it is not repeated."""
        return self._affordable(html, text, _once(part)) or self._pace.is_slow(len(text))

    def _affordable(self, html: str, text: str, free: int = 0) -> bool:
        return self._extra + len(html.encode()) - free <= allowance(len(text.encode()))

    def _drawing(self, html: str, drawn: int, free: int) -> Drawing:
        self._drawn = drawn
        self._pace.drawn()
        self._extra += max(0, len(html.encode()) - free)
        return Drawing(self._output, html)


def allowance(length: int) -> float:
    """The bytes that a reply of so many bytes may cost beyond being drawn once."""
    return EXTRA * max(length, SHORT) + SLACK


def _once(text: str) -> int:
    return int(ONCE * len(text.encode()))


class StreamChoices:
    """Several choices as they grow, in one output that is redrawn as often as they can afford."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = Pace(clock)
        self._bytes = 0

    def next(self, texts: Sequence[str]) -> str | None:
        """The HTML to draw now; None: not yet."""
        html = streaming_choices_html(texts)
        cost = len(html.encode())
        length = sum(max(len(text.encode()), SHORT_CHOICE) for text in texts)
        due = self._pace.is_due(sum(map(len, texts)))
        if self._bytes and not due and self._bytes + cost > allowance(length):
            return None
        self._pace.drawn()
        self._bytes += cost
        return html
