"""A call with room on the stack: what it calls crosses the end of no piece of it."""

from __future__ import annotations

import resource
from collections.abc import Callable

from chatnb.wire.stack_room import with_stack_room

_REPEATS = 500
_DEPTHS = 160  # frames of one piece of the stack, and more


def test_repeated_calls_cost_no_memory_at_any_depth() -> None:
    at_depths = [_faults_below(depth, _many_calls_with_room) for depth in range(_DEPTHS)]
    assert max(at_depths) < _REPEATS / 5


def _faults_below(depth: int, function: Callable[[], None]) -> int:
    """The page faults of a call that is made so many frames further down."""
    if depth:
        return _faults_below(depth - 1, function)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    function()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@with_stack_room
def _many_calls_with_room() -> None:
    _many_calls()


def _many_calls() -> None:
    for _ in range(_REPEATS):
        _nested(5)


def _nested(depth: int) -> None:
    if depth:
        _nested(depth - 1)
