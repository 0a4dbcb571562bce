"""Whether to try again, how long to wait before, and the wait itself."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from chatnb.backend import Flight

TRIES = 3
FIRST_WAIT_S = 0.5
LONGEST_OWN_WAIT_S = 8.0
LONGEST_ASKED_WAIT_S = 120.0


def is_worth_retrying(status: int) -> bool:
    """Whether the same request may well succeed in a moment."""
    return status in (408, 409, 429) or status >= 500


def wait_before(try_number: int, headers: Mapping[str, str] | None = None) -> float:
    """Seconds to wait after this try (1, 2, ...): what the server asks for, else our own.

    >>> wait_before(1, {"retry-after": "7"})
    7.0
    """
    asked = asked_wait(headers or {})
    if asked is not None:
        return asked
    longest = min(FIRST_WAIT_S * 2.0 ** (try_number - 1), LONGEST_OWN_WAIT_S)
    # Jitter, so that a hundred samples that were refused together do not come back together.
    return longest * (1 - 0.25 * random.random())  # noqa: S311 - no secret depends on it


def stopped_within(seconds: float, flight: Flight) -> bool:
    """Wait between two tries; whether the flight was stopped meanwhile."""
    end = time.monotonic() + seconds
    # In slices: what ends a flight without waking it, and a SIGINT that comes in the moment before
    # a wait begins, is noticed when one ends.
    while not flight.stopped and (left := end - time.monotonic()) > 0:
        flight.stopping.wait(min(left, 0.1))
    return flight.stopped


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """The wait (s) that `retry-after-ms` or `retry-after` asks for; None where none is sensible."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    return seconds if seconds is not None else _until(value)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if number > 0 and not math.isnan(number) else None


def _until(value: str | None) -> float | None:
    try:
        date = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):  # no date; one with numbers beyond every calendar
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    seconds = (date - datetime.now(UTC)).total_seconds()
    return seconds if seconds > 0 else None
