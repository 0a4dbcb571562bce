"""Room on the interpreter's stack for a call that goes deep, again and again: a large import.

Python keeps its frames in pieces of 16 KB, and until 3.13 a call that crosses the end of one maps
memory, whose return unmaps it. An import makes the same calls a thousand times; in a cell, below
the frames of IPython and of `%%chat`, some cross: 16,000 page faults and 100 ms for the SDK's.
https://github.com/python/cpython/issues/142183
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

# A piece is the next power of two above what its first frame asks for: 136 KB of 256, of which
# only what is used is ever touched.
_SLOTS = 17_000


def with_stack_room(function: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
    """The function, with 120 KB of stack in one piece for all that it calls."""
    its_own = cast(FunctionType, function)
    its_own.__code__ = its_own.__code__.replace(co_stacksize=_SLOTS)
    return function
