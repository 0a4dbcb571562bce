"""A property as a test and as something to fuzz: the same check with fewer or more examples."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

EXAMPLES = 60  # in a test run: the same ones each time
ROUND = 100  # in a long look, from one seed
SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)

Check = Callable[..., None]


@dataclass(frozen=True)
class Property:
    """A check and the inputs that it must hold for."""

    check: Check
    inputs: dict[str, Any]

    @property
    def name(self) -> str:
        return self.check.__name__.removeprefix("test_").replace("_", " ")

    def as_test(self) -> Check:
        """A few examples, chosen alike on every machine."""
        short = settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
            suppress_health_check=SLOW_IS_FINE,
        )  # fmt: skip
        return short(given(**self.inputs)(self.check))

    def fuzz(self, seconds: float, seed: int) -> int:
        """New examples until the time is up; how many. Raises what an example raises."""
        count = 0
        failed = False
        end = time.monotonic() + seconds

        def counted(**values: Any) -> None:
            nonlocal count, failed
            if time.monotonic() > end and not failed:
                return  # the rest of this round is not looked at
            count += 1
            try:
                self.check(**values)
            except Exception:
                failed = True  # from here on hypothesis looks for the smallest such input
                raise

        while time.monotonic() < end:
            long = settings(
                max_examples=ROUND, database=None, deadline=None, print_blob=True,
                phases=(Phase.generate, Phase.shrink), suppress_health_check=SLOW_IS_FINE,
            )  # fmt: skip
            hypothesis.seed(seed)(long(given(**self.inputs)(counted)))()
            seed += 1
        return count


PROPERTIES: list[Property] = []


def holds_for(**inputs: Any) -> Callable[[Check], Check]:
    """Decorates a check: it becomes a test, and `make fuzz` knows it."""

    def decorate(check: Check) -> Check:
        PROPERTIES.append(Property(check, inputs))
        return PROPERTIES[-1].as_test()

    return decorate
