"""Reads one answer's bytes: tells the flight what comes, and judges how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from chatnb.backend import Flight
from chatnb.errors import ChatError, Interrupted
from chatnb.records import Reply
from chatnb.wire import faults
from chatnb.wire.choice_parts import Malformed
from chatnb.wire.faults import Asked
from chatnb.wire.key_filter import KeyFilter
from chatnb.wire.patience import Patience, Read
from chatnb.wire.reply_builder import ErrorInAnswer, ReplyBuilder
from chatnb.wire.stream_decoder import DONE, Event, EventDecoder, parsed
from chatnb.wire.watchdog import Watch

# What comes after the last word (usage, [DONE], the end of the body) comes at once or not at all.
_AFTER_FINISH_S = 5.0
_AFTER_DONE_S = 1.0
# A stream that brings no event within so many bytes is none; an answer that is longer still is a
# mistake or an attack (a few kilobytes of gzip are a gigabyte): memory is the whole kernel's.
_MOST_WITHOUT_EVENT = 16_000_000
_LONGEST_WHOLE = 128_000_000
_LONGEST_STREAM = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Expected:
    """How an answer should come: streamed or not, so many choices, and how usage is told."""

    stream: bool = False
    choices: int = 1
    usage_chunks: Literal["last", "sum"] = "last"


class AnswerReader:
    """The bytes of one answer in, a Reply or the error that it amounts to out."""

    def __init__(self, expected: Expected, asked: Asked, flight: Flight) -> None:
        self.begun = False
        self._expected = expected
        self.asked = asked
        self._flight = flight
        self._builder = ReplyBuilder(expected.usage_chunks)
        self._decoder = EventDecoder()
        self._keys = KeyFilter(asked.keys)
        self._keys_in_thoughts = KeyFilter(asked.keys)
        self._raw: list[bytes] = []
        self._has_events = False
        self._done = False
        self._sees_reads = False
        self._fresh = False  # events came since the last settling
        self._steps = 0
        self._patience = Patience(flight, asked.answerer)
        self._status: int | None = None
        self._request_id: str | None = None

    def attempt(self, number: int, watch: Watch) -> None:
        """The request goes out, for the first time or again."""
        self._number, self._watch = number, watch
        self._patience.begin()

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The headers have come: from here on nothing is retried."""
        self._flight.attempt(self._number, status)
        self.begun = True
        self._status = status
        self._request_id = self._keys.text(headers.get("x-request-id") or "") or None

    def read(self, read: Read, max_bytes: int, timeout: float | None) -> bytes:
        """What the line does in place of a read: all that the last one brought is used up."""
        self._sees_reads = True
        if self._fresh:
            self._settle()
        if self._builder.steps:
            self._patience.end()
        return self._patience.read(read, max_bytes, timeout)

    def answer(self, pieces: Iterable[bytes]) -> Reply:
        """Read everything, to the very end, so that the connection can serve the next request.

        Raises the error that the answer amounts to where it is no whole Reply.
        """
        try:
            if self._expected.stream:
                self._read_stream(pieces)
            else:
                self._read_whole(pieces)
            return self._conclude()
        except ChatError:
            raise
        except Exception as error:  # noqa: BLE001 - malformed answers raise whatever they like
            return self.after(error)

    def after(self, error: Exception) -> Reply:
        """The Reply, where the answer was whole before the error; raises what it amounts to."""
        fault = self._fault(error)
        if fault is None:
            return self.partial()
        raise fault from error

    def _read_whole(self, pieces: Iterable[bytes]) -> None:
        self._watch.expect(self._flight.deadlines.idle)
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > _LONGEST_WHOLE:
                self._raw.clear()
                raise Malformed(f"an answer of more than {_LONGEST_WHOLE:,} bytes")
            self._raw.append(piece)
            self._watch.expect(self._flight.deadlines.idle)

    def _read_stream(self, pieces: Iterable[bytes]) -> None:
        whole = without_event = 0
        for piece in pieces:
            whole += len(piece)
            without_event += len(piece)
            if without_event > _MOST_WITHOUT_EVENT or whole > _LONGEST_STREAM:
                raise Malformed(f"a stream of {whole:,} bytes, {without_event:,} without an event")
            if events := self._decoder.feed(piece):
                without_event = 0
                self._take(events)
                self._fresh = True
                if not self._sees_reads:
                    self._settle()
            if not self._has_events:
                self._raw.append(piece)

    def _take(self, events: list[Event]) -> None:
        self._has_events = True
        for name, data in events:
            if self._done:
                return
            if data == DONE:
                self._done = True
            elif name == b"error":
                raise ErrorInAnswer(data.decode("utf-8", "replace"))
            else:
                self._builder.add(parsed(self._keys.json(data)))

    def _settle(self) -> None:
        self._fresh = False
        self._deliver(self._flight.delta)
        self._expect_more()

    def _deliver(self, tell: Callable[[int, str], None], *, last: bool = False) -> None:
        """What one read brought, in one call a choice."""
        builder = self._builder
        if builder.fresh_thoughts:
            for index, thoughts in builder.fresh_thoughts.items():
                thought = self._keys_in_thoughts.piece(index, "".join(thoughts))
                self._flight.reasoning(index, thought)
            builder.fresh_thoughts.clear()
        if builder.fresh_texts:
            for index, texts in builder.fresh_texts.items():
                tell(index, self._keys.piece(index, "".join(texts)))
            builder.fresh_texts.clear()
        if last:
            for index, text in self._keys.rest():
                tell(index, text)

    def _expect_more(self) -> None:
        """A token puts the deadline off; comments and empty chunks do not."""
        steps = self._builder.steps
        if self._done:
            self._watch.expect(min(_AFTER_DONE_S, self._flight.deadlines.idle))
        elif steps > self._steps:
            idle = self._flight.deadlines.idle
            all_finished = self._builder.finished >= self._expected.choices
            self._watch.expect(min(_AFTER_FINISH_S, idle) if all_finished else idle)
        self._steps = steps

    def partial(self) -> Reply:
        """What has come so far."""
        return self._keys.reply(self._builder.reply(self._status, self._request_id))

    def _conclude(self) -> Reply:
        """The whole answer, once the body has ended; raises what it amounts to otherwise."""
        if not (self._done or self._builder.first_is_finished):
            self._raise_if_ended()
        if self._has_events:
            self._take_last_event()
        elif self._expected.stream:
            self._take_stream_without_events()
        else:
            self._take_object()
        # Not shown by itself: the end, which shows it, follows at once.
        self._deliver(self._flight.keep, last=True)
        reply = self.partial()
        if not self._builder.has_choices:
            raise Malformed("no choices")
        if not self._builder.first_is_finished:
            raise faults.unfinished(self.asked, reply, said_done=self._done or not self._has_events)
        return reply

    def _take_last_event(self) -> None:
        if self._done:
            return
        try:
            self._take(self._decoder.end())
        except ValueError:
            # Half an event: the stream was cut inside it, and what is missing says so.
            return

    def _take_stream_without_events(self) -> None:
        """JSON where a stream was asked, or one event without an empty line behind it."""
        whole = b"".join(self._raw)
        if whole.lstrip()[:1] in (b"{", b"["):
            self._take_object()
        else:
            self._take(self._decoder.end())

    def _take_object(self) -> None:
        value = parsed(self._keys.json(b"".join(self._raw)))
        self._builder.add(value)
        for choice in value.get("choices") or ():
            if not isinstance(choice.get("message"), dict):
                raise Malformed("a choice without a message")

    def _fault(self, error: Exception) -> ChatError | Interrupted | None:
        """What an exception in the middle of the body amounts to; None: the answer is whole."""
        self._deliver(self._flight.delta, last=True)
        reply = self.partial()
        if isinstance(error, ErrorInAnswer):
            return faults.told_error(error.value, self.asked, reply)
        if ends_the_connection(error):
            return self._cut(error, reply)
        detail = f"{error}\n{self._excerpt()}"
        if self._builder.has_choices and self._has_events:
            return faults.garbled(self.asked, reply, detail)
        return faults.not_the_api(self.asked, reply, detail)

    def _cut(self, error: Exception, reply: Reply) -> ChatError | Interrupted | None:
        if self._builder.first_is_finished:
            return None
        if self._watch.ended_by == "stop":
            return faults.interrupted(self.asked, reply)
        if self._watch.ended_by == "deadline" or "Timeout" in type(error).__name__:
            return self._stalled(reply)
        return faults.broken_off(self.asked, reply, str(error))

    def _raise_if_ended(self) -> None:
        """An unframed body that we ended looks like one that ended by itself."""
        if self._watch.ended_by == "stop":
            raise faults.interrupted(self.asked, self.partial())
        if self._watch.ended_by == "deadline":
            raise self._stalled(self.partial())

    def _stalled(self, reply: Reply) -> ChatError:
        """By the deadline that ended it: headers alone are not yet a stream's first token."""
        deadlines = self._flight.deadlines
        if self._expected.stream and not self._builder.steps:
            return faults.stalled("first_token_timeout", deadlines.first_token, self.asked, reply)
        return faults.stalled("idle_timeout", deadlines.idle, self.asked, reply)

    def _excerpt(self) -> str:
        return b"".join(self._raw)[:4_000].decode("utf-8", "replace")


def ends_the_connection(error: BaseException) -> bool:
    """Whether the network failed, not what it brought.

    By name: the HTTP library is the SDK's own affair, and its classes are not exported.
    """
    names = {base.__name__ for base in type(error).__mro__}
    return bool(names & {"TransportError", "APIConnectionError"}) or isinstance(error, OSError)
