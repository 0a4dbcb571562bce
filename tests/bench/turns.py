"""What one turn costs over a bare SDK cell, early in a conversation and late."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.bench.kernels import (
    RESET,
    TimedKernel,
    bare_call,
    bare_stream,
    chat,
    connected_kernel,
)
from tests.bench.repeated import Sides, interleaved
from tests.bench.server_process import ServerProcess
from tests.bench.table import Figure

_ROUNDS = 40
_PROMPT = "And what is a neap tide?"
_BARE_STREAM = bare_stream(_PROMPT, "echo")
_LATE_ROUNDS = 9
_DISK_MOOD_MS = 0.5  # where one FULL commit costs more, it is the disk's and is subtracted
_LATE = """
history = []
for number in range(499):
    history.append({"role": "user", "content": f"Question {number}: " + "why is that so? " * 18})
    history.append({"role": "assistant", "content": f"Answer {number}: " + "because it is. " * 19})
"""
_LATE_CALL = """
asked = [*history, {"role": "user", "content": "And then?"}]
reply = client.chat.completions.create(model="echo", messages=asked)
text = reply.choices[0].message.content
"""


def one_turn(server: ServerProcess) -> Iterator[Figure]:
    """A turn of a short conversation, logged and drawn, over a call that is neither."""
    with connected_kernel(server.base_url) as kernel:
        kernel.timed("from tests.bench import inside\nbare_insert = inside.BareLog().insert")

        inserts: list[float] = []

        def chatnb(number: int) -> float:
            # Beside each turn: the disk's mood changes within seconds.
            inserts.append(kernel.value("inside.median_ms(bare_insert, 1)"))
            if number % 5 == 0:
                kernel.timed(RESET)
                kernel.timed(chat("Hello"))
            return kernel.timed(chat(_PROMPT)).seconds

        sides = interleaved(_ROUNDS, chatnb, lambda _: kernel.timed(bare_call(_PROMPT)).seconds)
        streamed = interleaved(_ROUNDS, chatnb, lambda _: kernel.timed(_BARE_STREAM).seconds)
    insert_ms = median(inserts)
    name = "one turn with history, log and display, over the bare SDK"
    yield _judged(name, sides, insert_ms)
    yield _judged("the same, over the bare SDK's stream without display", streamed, insert_ms)


def _judged(name: str, sides: Sides, insert_ms: float) -> Figure:
    """The ratio; a disk whose own commit is slow is not chatnb's doing."""
    beside = f"{sides.beside()}; a bare FULL insert {insert_ms:.2g} ms"
    if insert_ms <= _DISK_MOOD_MS:
        return Figure(name, sides.ratio, 1.25, "", beside)
    of_disk = insert_ms / 1e3 / median(sides.bare)
    beside += f", subtracted from {sides.ratio:.3g}"
    return Figure(name, sides.ratio - of_disk, 1.25, "", beside)


def turn_500(server: ServerProcess) -> Iterator[Figure]:
    """The same with 499 turns of 300 characters before it."""
    with connected_kernel(server.base_url) as kernel:
        kernel.timed(_LATE)
        kernel.timed("import chatnb\nchatnb.session().load(history)")
        kernel.timed(chat("And then?"))
        sides = interleaved(
            _LATE_ROUNDS, lambda _: _late_turn(kernel), lambda _: kernel.timed(_LATE_CALL).seconds
        )
    name = "turn 500 with the full history, over the bare SDK"
    yield Figure(name, sides.ratio, 0.15, "", sides.beside())


def _late_turn(kernel: TimedKernel) -> float:
    """Turn 500 each time: the one before is taken back."""
    kernel.timed("%chat_undo")
    return kernel.timed(chat("And then?")).seconds
