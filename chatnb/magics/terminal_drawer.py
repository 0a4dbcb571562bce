"""Draws a turn in a terminal: plain text, appended as it comes, then the receipt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from chatnb.rendering import terminal_text
from chatnb.rendering.receipt import receipt
from chatnb.rendering.reply_view import has_text, reply_body_text, waiting_words

if TYPE_CHECKING:
    from chatnb.records import Exchange, Live, Reply


class TerminalDrawer:
    """Prints what is new; what was printed stays, so nothing is ever redrawn.

    Several choices come one after the other: the first as it streams, the others at the end.
    """

    def __init__(self) -> None:
        self._printed = 0  # characters of the first choice
        self._held = False
        self._labeled = False
        self._words = ""

    def live(self, live: Live) -> None:
        text = live.texts[0] if live.texts else ""
        if text:
            self._print_text(text, several=len(live.texts) > 1)
        elif (words := waiting_words(live)) and words != self._words:
            self._words = words
            _write(f"{terminal_text(words)}\n")

    def end(self, exchange: Exchange | None) -> None:
        if exchange is None:
            return
        reply = exchange.reply
        if has_text(reply) and not self._printed:
            _write(f"{reply_body_text(reply)}\n")
        elif self._printed:
            self._print_up_to(reply.text, len(reply.text))
            self._print_others(reply)
        if has_text(reply) or exchange.notes or exchange.adjusted:
            _write(f"{receipt(exchange).text}\n")

    def _print_text(self, text: str, *, several: bool) -> None:
        # The very first token comes alone: whether it needs a label is known with the next ones.
        if not self._held and not several:
            self._held = True
            return
        if several and not self._printed:
            self._labeled = True
            _write("[choice 0]\n")
        self._print_up_to(text, len(text) - text.endswith("\r"))

    def _print_others(self, reply: Reply) -> None:
        rest = reply_body_text(reply, after_first=True)
        label = "" if self._labeled else "[choice 0 is above]\n\n"
        _write(f"\n{label}{rest}\n" if rest else "\n")

    def _print_up_to(self, text: str, end: int) -> None:
        if end > self._printed:
            _write(terminal_text(text[self._printed : end]))
            self._printed = end


def _write(text: str) -> None:
    """To whatever stdout is now; a character that its encoding lacks must not cost the rest."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
