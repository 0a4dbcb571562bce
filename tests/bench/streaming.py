"""Long replies: what streaming and showing them costs, in time, messages, bytes and connections."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.bench.answers import tokens
from tests.bench.kernels import RESET, TimedKernel, TimedRun, bare_stream, chat, connected_kernel
from tests.bench.repeated import interleaved
from tests.bench.server_process import ServerProcess
from tests.bench.table import Figure
from tests.loopback import LoopbackServer

_LONG = 10_000
_ROUNDS = 5
_PACE = 200  # tokens a second
_PACED = 600  # tokens: above 2,000 characters
_LINEAR = 2.1
_VERY_LONG = {"5 MB": "five-megabytes", "100,000 chunks": "hundred-thousand-chunks"}


def full_speed(server: ServerProcess) -> Iterator[Figure]:
    """10,000 tokens as fast as they can be read."""
    with connected_kernel(server.base_url) as kernel:
        runs: list[TimedRun] = []

        def chatnb(_: int) -> float:
            runs.append(_streamed(kernel, f"tokens-{_LONG}"))
            return runs[-1].seconds

        loop = bare_stream("Hello", f"tokens-{_LONG}")
        sides = interleaved(_ROUNDS, chatnb, lambda _: kernel.timed(loop).seconds)
        twice = [_streamed(kernel, f"tokens-{2 * _LONG}") for _ in range(_ROUNDS)]
    name = "10,000 tokens streamed and shown"
    yield Figure(f"{name}, over the bare loop", sides.ratio, 0.3, "", sides.beside())
    messages = median(len(run.shown) for run in runs)
    yield Figure(f"{name}, messages to the front end", messages, 30)
    yield from _bytes("at full speed", runs, twice, _LONG)


def paced(server: ServerProcess) -> Iterator[Figure]:
    """At the speed at which models talk."""
    with connected_kernel(server.base_url) as kernel:
        once, twice = (
            [_streamed(kernel, f"tokens-{count}-at-{_PACE}") for _ in range(3)]
            for count in (_PACED, 2 * _PACED)
        )
    a_second = median(len(run.streamed) / run.seconds for run in twice)
    yield Figure(f"messages a second at {_PACE} tokens a second", a_second, 12)
    yield from _bytes(f"at {_PACE} tokens a second", once, twice, _PACED)


def _bytes(how: str, once: list[TimedRun], twice: list[TimedRun], count: int) -> Iterator[Figure]:
    """Content bytes while streaming, over the reply's own, and whether they grow with it.

    What ends before the next redraw never streams, and its share is larger in the smaller reply:
    for the growth, fewer bytes than the reply's own count as its own. A redraw more or less is the
    phase of the clock.
    """
    size, double = (len("".join(tokens(number)).encode()) for number in (count, 2 * count))
    small, large = (median(map(_streamed_bytes, runs)) for runs in (once, twice))
    beside = f"{small:,.0f} bytes for {size:,}, {large:,.0f} for {double:,}"
    growth = max(large, double) / max(small, size)
    worst = max(small / size, large / double)
    yield Figure(f"bytes while streaming {how}, over the reply's", worst, 4, "", beside)
    yield Figure(f"bytes of twice the reply {how}, over once", growth, _LINEAR)


def _streamed_bytes(run: TimedRun) -> int:
    return sum(message.content_bytes() for message in run.streamed)


def first_text(server: ServerProcess) -> Iterator[Figure]:
    """From the moment the server sends the first text to its arrival in the front end."""
    with connected_kernel(server.base_url) as kernel:
        waits = [_first_text_ms(kernel, server) for _ in range(15)]
    beside = f"{min(waits):.3g} to {max(waits):.3g} ms"
    yield Figure("first text on screen after the first chunk", median(waits), 10, " ms", beside)


def _first_text_ms(kernel: TimedKernel, server: ServerProcess) -> float:
    run = _streamed(kernel, "tokens-20-at-200")
    first = next(message for message in run.shown if message.content_bytes())
    return (first.at - server.first_chunk()) * 1e3


def connections(server: ServerProcess) -> Iterator[Figure]:
    """How many connections 100 streamed turns open."""
    with connected_kernel(server.base_url) as kernel:
        before = server.connections()
        for _ in range(100):
            kernel.timed(chat("Hello"))
        between = server.connections()
        for _ in range(100):
            kernel.timed(bare_stream("Hello", "echo"))
        theirs = server.connections() - between
    name = "connections opened by 100 streamed turns"
    yield Figure(name, between - before, 1, "", f"the bare SDK's stream {theirs}")


def very_long(server: ServerProcess) -> Iterator[Figure]:
    """Replies beyond what anybody reads: 5 MB of text, and 100,000 chunks of a character."""
    with LoopbackServer() as loopback, connected_kernel(loopback.base_url) as kernel:
        for what, model in (
            ("5 MB", "five-megabytes"),
            ("100,000 chunks", "hundred-thousand-chunks"),
        ):
            loop = bare_stream("Hello", model)
            sides = interleaved(
                3,
                lambda _, model=model: _streamed(kernel, model).seconds,
                lambda _, loop=loop: kernel.timed(loop).seconds,
            )
            name = f"{what} streamed and shown, over the bare loop"
            yield Figure(name, sides.ratio, 1.2, "", sides.beside())


def _streamed(kernel: TimedKernel, model: str) -> TimedRun:
    """A turn of a new conversation: the text of the one before is not sent along."""
    kernel.timed(RESET)
    return kernel.timed(chat("Hello", model))
