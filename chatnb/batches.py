"""Many independent requests at the same time: samples, sweeps. They touch no session."""

from __future__ import annotations

import itertools
import queue
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

from chatnb.backend import Backend, Deadlines, Flight
from chatnb.budgets import Budget
from chatnb.errors import InvalidInput
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


@dataclass(frozen=True, slots=True)
class Batch:
    """The exchange of each request, in order; None for those that were not sent.

    `refusal`: what the budget said to the first that it refused; nothing was sent after it.
    """

    exchanges: Sequence[Exchange | None]
    refusal: InvalidInput | None = None


def run_all(
    requests: Sequence[Request],
    backend: Backend,
    log: Log,
    deadlines: Deadlines,
    *,
    budget: Budget,
    parallel: int,
    done: Callable[[Exchange], object],
    interruptible: Callable[[Callable[[], None]], AbstractContextManager[object]] = nullcontext,
) -> Batch:
    """The exchange of each request, in order, as far as they were sent.

    `done` is called in this thread as each one ends. A KeyboardInterrupt stops what is in the air
    (each row says `interrupted`) and sends nothing more. Where interrupts are deferred,
    `interruptible` lets them through, and is given what ends all that is in the air.
    """
    flights = [Flight(deadlines) for _ in requests]
    refusals: list[InvalidInput] = []

    def one(index: int) -> Exchange | None:
        if flights[index].stopped or refusals:
            return None
        try:
            return run(requests[index], backend, log, flights[index], budget)
        except InvalidInput as refusal:
            refusals.append(refusal)
            return None

    def end_all() -> None:
        # The last first: a worker that becomes free must find nothing left to send.
        for flight in reversed(flights):
            flight.end()

    if not _threads_start():
        one_by_one = list(_one_by_one(one, len(requests), done))
        return Batch(one_by_one, *refusals[:1])
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="chatnb-sample") as executor:
        # Before interrupts are let through: one that came while a worker starts would leave its
        # request without anybody who waits for it.
        futures = [executor.submit(one, index) for index in range(len(requests))]
        try:
            with interruptible(end_all):
                for future in _as_they_end(futures):
                    if (exchange := future.result()) is not None:
                        done(exchange)
        except KeyboardInterrupt:
            for flight in reversed(flights):
                flight.stop()
    return Batch([future.result() for future in futures], *refusals[:1])


def _as_they_end(
    futures: Sequence[Future[Exchange | None]],
) -> Iterator[Future[Exchange | None]]:
    """Each as it ends; `as_completed`, but an interrupt is noticed however it comes.

    A wait does not end where the system hands SIGINT to another thread, or to this one in the
    moment before it begins; hence the slices.
    """
    ended: queue.SimpleQueue[Future[Exchange | None]] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(ended.put)
    left = len(futures)
    while left:
        with suppress(queue.Empty):
            yield ended.get(timeout=0.1)
            left -= 1


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
