"""What can go wrong, as one line each.

    BaseException
    ├── Exception
    │   └── ChatError            what happened, what to do, the evidence: one line, no traceback
    │       ├── InvalidInput     a mistake in what was typed: nothing was sent
    │       ├── RequestFailed    status error: no usable answer
    │       ├── PartialReply     status partial: some text, no proper end
    │       ├── EmptyReply       status empty: an answer without text
    │       └── UnfitReply       status ok: an answer that does not fit its response_format
    └── KeyboardInterrupt
        └── Interrupted          status interrupted: the user stopped it

Interrupted is no Exception, so that `except Exception` in a loop does not swallow the stop button.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from chatnb.records import Exchange, Reply, Status


# Line ends, and what a terminal obeys: a line may quote a server.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


class _Evidence(BaseException):
    """What every failure carries: its line, its kind, and what had arrived when it happened."""

    status: ClassVar[Status] = "error"

    def __init__(
        self,
        line: str,
        *,
        kind: str = "error",
        reply: Reply | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        param: str | None = None,
        detail: str = "",
    ) -> None:
        line = _CONTROLS.sub(" ", line)
        super().__init__(line)
        self.line = line
        self.kind = kind
        self.reply = reply
        self.http_status = http_status
        self.request_id = request_id
        self.param = param
        self.detail = detail
        self.exchange: Exchange | None = None

    def __str__(self) -> str:
        return self.line

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: value for key, value in self.__dict__.items() if key != "exchange"}
        return (type(self), (self.line,), state | {"exchange": None})

    def _render_traceback_(self) -> list[str]:
        """IPython shows these lines in place of a traceback."""
        return [f"{type(self).__name__}: {self.line}"]


class ChatError(_Evidence, Exception):
    """A chat request that did not end well; `line` says what happened and what to do.

    `exchange` is the request with whatever came of it, also a row of the log; `reply` the text
    that had arrived; `kind` one word of the log's `error_kind`; `param` the request parameter that
    the server named.
    """


class InvalidInput(ChatError):
    """A mistake in what was typed: nothing was sent and nothing changed."""


class RequestFailed(ChatError):
    """No usable answer came."""


class PartialReply(ChatError):
    """Some text came, but no proper end; it is kept on screen, in the row and in `reply`."""

    status: ClassVar[Status] = "partial"


class EmptyReply(ChatError):
    """An answer without any text."""

    status: ClassVar[Status] = "empty"


class UnfitReply(ChatError):
    """An answer that ended well but is not what `response_format` promises; kept in `reply`."""

    status: ClassVar[Status] = "ok"


class Interrupted(_Evidence, KeyboardInterrupt):
    """The request was stopped; the text that had come is in `reply`."""

    status: ClassVar[Status] = "interrupted"


def chain_of(error: BaseException) -> str:
    """The error and its causes, one line each, outermost first: the log's `error_detail`."""
    lines: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        lines.append(f"{type(link).__name__}: {link}")
        if isinstance(link, _Evidence) and link.detail:
            lines.append(link.detail)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n".join(lines)
