"""Answers requests over HTTP, with the OpenAI SDK; the only file that imports it.

Authentication, URLs, pool and exceptions are the SDK's. Retries, deadlines and decoding are our
own: the SDK's retries cannot be seen or stopped, its read timeout is no deadline, and its typed
layer is most of what a stream costs.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

from chatnb.addresses import OPENAI, host_of, is_loopback
from chatnb.backend import Connection, Flight
from chatnb.errors import ChatError, Interrupted
from chatnb.records import Reply, Request
from chatnb.wire import debug_logs, faults
from chatnb.wire.answer_reader import AnswerReader, Expected
from chatnb.wire.faults import Asked
from chatnb.wire.idle_lines import IdleLines
from chatnb.wire.names_reader import NamesReader
from chatnb.wire.retries import stopped_within
from chatnb.wire.setbacks import Setback, setback_from, unreached
from chatnb.wire.stack_room import with_stack_room
from chatnb.wire.watchdog import Watch, Watchdog
from chatnb.wire.wire_line import Line, Tls

Send = Callable[[Line, dict[str, Any]], Any]

# A socket counts in 32-bit milliseconds, 24 days, and raises above.
_LONGEST_SOCKET_WAIT_S = 2_000_000.0


class OpenAIBackend:
    """A `Backend` for any server that speaks OpenAI's chat completions API.

    >>> backend = OpenAIBackend(Connection("http://127.0.0.1:8000/v1", model="tiny"))

    Nothing is imported or connected before the first request. `usage_chunks`: whether the last
    usage chunk of a stream counts, or the sum of all. May be used from many threads at once.
    """

    def __init__(
        self, connection: Connection, *, usage_chunks: Literal["last", "sum"] = "last"
    ) -> None:
        self.connection = connection
        self._usage_chunks = usage_chunks
        self._lines = IdleLines()
        self._tls = Tls()
        self._watchdog = Watchdog()

    def prepare(self, request: Request) -> Request:
        return request

    def token_ids(self, text: str, flight: Flight | None = None) -> None:  # noqa: ARG002
        return None  # the API has no tokenizer

    def complete(self, request: Request, flight: Flight) -> Reply:
        body = request.body()
        choices = body.get("n")
        expected = Expected(
            stream=body.get("stream") is True,
            choices=choices if isinstance(choices, int) else 1,
            usage_chunks=self._usage_chunks,
        )
        reader = AnswerReader(expected, self._asked("/chat/completions", request.model), flight)

        def send(line: Line, options: dict[str, Any]) -> Any:
            # Not by its method `create`, whose typed transform of `messages` costs 114 ms at turn
            # 500. https://github.com/openai/openai-python#undocumented-endpoints
            return line.client.post("/chat/completions", body=body, **options)

        return self._answer(send, reader, flight)

    def models(self, flight: Flight | None = None) -> tuple[str, ...]:
        whole = flight or Flight()
        own = Flight(whole.deadlines)  # its attempts are not the request's
        reader = NamesReader(self._asked("/models"), own)
        whole.on_stop(own.end)
        whole.waiting(f"asking {self.connection.host} for its models…")
        try:
            self._answer(lambda line, options: line.client.get("/models", **options), reader, own)
        finally:
            whole.on_stop(None)
        return reader.names

    def close(self) -> None:
        self._watchdog.dismiss()
        self._lines.close()

    def _asked(self, path: str, model: str = "") -> Asked:
        key = self.connection.api_key()
        keys = (key,) if key else ()
        debug_logs.hide(keys)
        parts = urlsplit(self.connection.base_url)
        return Asked(
            host=self.connection.host,
            path=parts.path.rstrip("/") + path,
            model=model,
            key_name=self.connection.key or "OPENAI_API_KEY",
            keys=keys,
            embedded=self.connection.embedded,
            base_url=self.connection.base_url,
        )

    def _answer(self, send: Send, reader: AnswerReader, flight: Flight) -> Reply:
        """Try until there is an answer; a KeyboardInterrupt becomes an Interrupted."""
        try:
            return self._tries(send, reader, flight)
        except (ChatError, Interrupted) as error:
            reader.asked.clean_causes(error)
            raise
        except KeyboardInterrupt as interrupt:
            stopped = faults.interrupted(reader.asked, reader.partial())
            stopped.__cause__ = interrupt
            reader.asked.clean_causes(stopped)
            raise stopped from interrupt
        finally:
            flight.on_stop(None)

    def _tries(self, send: Send, reader: AnswerReader, flight: Flight) -> Reply:
        for number in itertools.count(1):
            outcome = self._attempt(send, reader, flight, number)
            if isinstance(outcome, Reply):
                return outcome
            wait = flight.attempts[-1].wait
            if wait is None:
                raise outcome.error(number) from outcome.cause
            if stopped_within(wait, flight):
                raise faults.interrupted(reader.asked, reader.partial()) from outcome.cause
        raise AssertionError("there is always another number")

    def _attempt(
        self, send: Send, reader: AnswerReader, flight: Flight, number: int
    ) -> Reply | Setback:
        """One attempt, told to the flight whatever ends it: the server has seen the request."""
        told = len(flight.attempts)
        new = partial(self._new_line, reader.asked)
        with self._lines.one(new) as line, self._watched(line, flight) as watch:
            try:
                reader.attempt(number, watch)
                outcome = self._outcome(send, reader, flight, line, watch)
                if isinstance(outcome, Setback):
                    wait = outcome.wait(number)
                    flight.attempt(number, outcome.status, wait, outcome.reason)
            except (KeyboardInterrupt, Interrupted):
                if line.has_sent and len(flight.attempts) == told:
                    flight.attempt(number, None, reason="stopped")
                raise
            else:
                return outcome

    def _outcome(
        self,
        send: Send,
        reader: AnswerReader,
        flight: Flight,
        line: Line,
        watch: Watch,
    ) -> Reply | Setback:
        line.reader = reader.read
        if flight.stopped:
            raise faults.interrupted(reader.asked, reader.partial())
        try:
            with send(line, self._options(reader.asked, watch, flight)) as stream:
                response = stream.response
                reader.begin(response.status_code, response.headers)
                return reader.answer(response.iter_bytes())
        except ChatError:
            raise
        except Exception as error:
            if reader.begun:
                return reader.after(error)
            if watch.ended_by == "stop":
                raise faults.interrupted(reader.asked, reader.partial()) from error
            return setback_from(error, reader.asked, flight.deadlines, watch, line)

    def _options(self, asked: Asked, watch: Watch, flight: Flight) -> dict[str, Any]:
        from openai import Stream, Timeout, omit

        deadlines = flight.deadlines
        connect, first_token, idle = (
            min(seconds, _LONGEST_SOCKET_WAIT_S)
            for seconds in (deadlines.connect, deadlines.first_token, deadlines.idle)
        )
        silence = None if self._guarded() else max(first_token, idle)
        watch.expect(deadlines.first_token)
        timeout = Timeout(connect=connect, read=silence, write=first_token, pool=connect)
        # Said with each request, so that a new key needs no new client, and so that this key, or
        # none, goes out whatever OPENAI_CUSTOM_HEADERS says.
        authorization = f"Bearer {asked.keys[0]}" if asked.keys else omit
        headers = {"Authorization": authorization}
        # As a stream whatever the body asks for: its bytes are ours to read.
        as_stream = {"cast_to": object, "stream": True, "stream_cls": Stream[object]}
        return {**as_stream, "options": {"timeout": timeout, "headers": headers}}

    def _guarded(self) -> bool:
        """Whether the watchdog is awake; where there are no threads, the read timeout must do."""
        if not self._watchdog.running:
            try:
                threading.Thread(target=self._watchdog.run, name="chatnb", daemon=True).start()
            except RuntimeError:
                return False
        return True

    @contextlib.contextmanager
    def _watched(self, line: Line, flight: Flight) -> Iterator[Watch]:
        watch = Watch(self._watchdog, line.socket)
        line.watch, line.has_sent = watch, False
        self._watchdog.add(watch)
        try:
            flight.on_stop(lambda: watch.end("stop"))
            yield watch
        finally:
            watch.let_go()
            line.watch = line.reader = None

    def _new_line(self, asked: Asked) -> Line:
        try:
            return _connected_line(self.connection, self._tls)
        except Exception as error:
            # A base_url, a proxy or certificates of the environment that the SDK cannot use.
            raise unreached(error, asked).error(1) from error


def _connected_line(connection: Connection, tls: Tls) -> Line:
    """A line with the SDK's client on it; nothing is connected yet."""
    openai = _sdk()
    parts = urlsplit(connection.base_url)
    host = parts.hostname or ""
    line = Line(connection.base_url, tls)
    line.client = openai.OpenAI(
        base_url=connection.base_url,
        # The SDK insists on one; the real one comes with each request.
        api_key="no-key-needed",
        default_headers=_withheld_headers(connection),
        max_retries=0,
        http_client=openai.DefaultHttpxClient(
            # The SDK would follow up to 63, with key and prompt.
            follow_redirects=False,
            # Proxies are for other machines, but the variables are obeyed for 127.0.0.1 too.
            trust_env=not is_loopback(host),
            verify=tls.verify(parts.scheme),
            event_hooks={"request": [line.before_sending], "response": [line.before_reading]},
        ),
    )
    debug_logs.watch_libraries()
    return line


@with_stack_room
def _sdk() -> Any:
    """The SDK, which takes half a second to import."""
    import openai

    return openai


def _withheld_headers(connection: Connection) -> dict[str, Any]:
    """Removes what the SDK takes from the environment, but for the hosts that it is meant for."""
    from openai import omit

    meant_for = {host_of(OPENAI), host_of(os.environ.get("OPENAI_BASE_URL", ""))}
    if host_of(connection.base_url) in meant_for:
        return {}
    custom = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
    named = (header.partition(":")[0].strip() for header in custom)
    return dict.fromkeys(("OpenAI-Organization", "OpenAI-Project", *filter(None, named)), omit)
