"""Waiting for a condition, never for a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_for(condition: Callable[[], Value], what: str, *, timeout: float = 30) -> Value:
    """The first true value of the condition; AssertionError after `timeout` seconds."""
    pause = threading.Event()
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {timeout} s for {what}"
        pause.wait(0.02)
    return value
