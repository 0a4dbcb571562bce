"""An attempt that brought no answer: what it was, and whether another one may help."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chatnb.backend import Deadlines
from chatnb.errors import ChatError, InvalidInput
from chatnb.records import Reply
from chatnb.wire import faults, retries
from chatnb.wire.answer_reader import ends_the_connection
from chatnb.wire.faults import Answer, Asked
from chatnb.wire.rejections import Rejected
from chatnb.wire.watchdog import Watch
from chatnb.wire.wire_line import Line


@dataclass(frozen=True, slots=True)
class Setback:
    """One failed attempt; `error(tries)` is what it amounts to if it was the last."""

    cause: Exception
    error: Callable[[int], ChatError]
    reason: str
    may_retry: bool = True
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def wait(self, try_number: int) -> float | None:
        """Seconds to wait before the next try; None where there is none."""
        if not self.may_retry or try_number >= retries.TRIES:
            return None
        wait = retries.wait_before(try_number, self.headers)
        return wait if wait <= retries.LONGEST_ASKED_WAIT_S else None


def setback_from(
    error: Exception, asked: Asked, deadlines: Deadlines, watch: Watch, line: Line
) -> Setback:
    """What an exception that came before the answer's body amounts to."""
    for link in _chain(error):
        if isinstance(link, Rejected):
            return _from_status(link, Answer(link.status, link.headers, link.text), asked)
    names = {base.__name__ for link in _chain(error) for base in type(link).__mro__}
    if watch.ended_by == "deadline" or "TimeoutException" in names:
        return _silence("ConnectTimeout" in names, asked, deadlines, error)
    if ends_the_connection(error):
        return unreached(error, asked)
    return _never(error, asked, sent=line.has_sent)


def _silence(connecting: bool, asked: Asked, deadlines: Deadlines, error: Exception) -> Setback:
    setting, seconds = "first_token_timeout", deadlines.first_token
    if connecting:
        setting, seconds = "connect_timeout", deadlines.connect
    reason = f"no answer within {seconds:g} s"
    return Setback(error, lambda tries: faults.silent(setting, seconds, asked, tries), reason)


def _from_status(error: Exception, answer: Answer, asked: Asked) -> Setback:
    asked_wait = retries.asked_wait(answer.headers)
    too_long = asked_wait if (asked_wait or 0) > retries.LONGEST_ASKED_WAIT_S else None
    return Setback(
        error,
        lambda tries: faults.rejected(answer, asked, tries, too_long),
        asked.clean(answer.body.message),
        retries.is_worth_retrying(answer.status) and not faults.is_quota(answer),
        answer.status,
        answer.headers,
    )


def unreached(error: Exception, asked: Asked) -> Setback:
    """No connection, or one that broke before it said anything."""
    reason, remedy = asked.clean(_reason(error)), _remedy(error)
    return Setback(error, lambda tries: faults.unreachable(reason, remedy, asked, tries), reason)


def _never(error: Exception, asked: Asked, *, sent: bool) -> Setback:
    """What would go wrong again: a request that cannot be sent, an answer that makes no sense."""
    reason = asked.clean(f"{type(error).__name__}: {error}")

    def fault(tries: int) -> ChatError:  # noqa: ARG001 - there was one
        if sent:
            return faults.not_the_api(asked, Reply(), reason)
        line = f"This request cannot be sent as JSON: {reason}. Nothing was sent."
        return InvalidInput(line, kind="request", reply=Reply())

    return Setback(error, fault, reason, may_retry=False)


def _reason(error: Exception) -> str:
    """Why there is no connection, in the words of whoever knows best: the operating system."""
    last: BaseException = error
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate cannot be verified ({link.verify_message})"
        if isinstance(link, OSError) and link.strerror:
            return link.strerror
        if type(link).__name__ == "RemoteProtocolError":
            closed = "disconnected" in str(link)
            return "it closed without an answer" if closed else "what it sends is not HTTP"
        last = link
    return str(last).rstrip(".") or type(last).__name__


def _remedy(error: Exception) -> str:
    """What to do about it, by who gave up where."""
    for link in _chain(error):
        if isinstance(link, ConnectionRefusedError):
            return "Is the server running there? %chat_connect names another."
        if isinstance(link, socket.gaierror):
            return "Is base_url right, and the network there? %chat_connect names another."
        if isinstance(link, ConnectionError) or "disconnected" in str(link):
            return "Run the cell again; %chat_connect names another server."
    return "Is base_url right? %chat_connect names another."


def _chain(error: Exception) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links
