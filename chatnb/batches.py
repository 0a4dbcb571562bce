"""Many independent requests at the same time: samples, sweeps. They touch no session."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from chatnb.backend import Backend, Deadlines, Flight
from chatnb.exchanges import Log, run
from chatnb.records import Exchange, Request


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of a grid: the prompt, the system message, and what varies."""

    prompt: str
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def grid(
    prompts: Sequence[str],
    systems: Sequence[str | None],
    parameters: Mapping[str, Sequence[Any]],
) -> list[Cell]:
    """Every combination, the last parameter varying fastest.

    >>> [cell.parameters for cell in grid(["Hi"], [None], {"temperature": [0, 1]})]
    [{'temperature': 0}, {'temperature': 1}]
    """
    names = list(parameters)
    points = itertools.product(prompts, systems, *parameters.values())
    return [
        Cell(prompt, system, dict(zip(names, values, strict=True)))
        for prompt, system, *values in points
    ]


def run_all(
    requests: Sequence[Request],
    backend: Backend,
    log: Log,
    deadlines: Deadlines,
    *,
    parallel: int,
    done: Callable[[Exchange], object],
    interruptible: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> list[Exchange | None]:
    """The exchange of each request, in order; None for those that an interrupt left unsent.

    `done` is called in this thread as each one ends. A KeyboardInterrupt stops what is in the air
    (each row says `interrupted`) and sends nothing more. Where interrupts are deferred,
    `interruptible` lets them through.
    """
    flights = [Flight(deadlines) for _ in requests]

    def one(index: int) -> Exchange | None:
        if flights[index].stopped:
            return None
        return run(requests[index], backend, log, flights[index])

    if not _threads_start():
        return list(_one_by_one(one, len(requests), done))
    futures: list[Future[Exchange | None]] = []
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="chatnb-sample") as executor:
        try:
            with interruptible():
                for index in range(len(requests)):
                    futures.append(executor.submit(one, index))  # noqa: PERF401 - kept if stopped
                for future in as_completed(futures):
                    if (exchange := future.result()) is not None:
                        done(exchange)
        except KeyboardInterrupt:
            # The last first: a worker that becomes free must find nothing left to send.
            for flight in reversed(flights):
                flight.stop()
    taken = [future.result() for future in futures]
    return taken + [None] * (len(requests) - len(taken))


def _one_by_one(
    one: Callable[[int], Exchange | None], count: int, done: Callable[[Exchange], object]
) -> Iterator[Exchange | None]:
    """In order, until one is interrupted."""
    stopped = False
    for index in range(count):
        exchange = None if stopped else one(index)
        if exchange is not None:
            done(exchange)
            stopped = exchange.status == "interrupted"
        yield exchange


def _threads_start() -> bool:
    """Whether this Python has threads; Pyodide has none, and answers one after the other."""
    return sys.platform != "emscripten"
