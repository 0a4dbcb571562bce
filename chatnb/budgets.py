"""What a kernel may spend and how often it may ask: a soft, loud limit, one for all its sessions.

Soft: what is in the air when the limit is reached still ends, and its cost is known only then.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatnb.errors import InvalidInput
from chatnb.records import Exchange, Request

if TYPE_CHECKING:
    from chatnb.settings import Settings

REQUESTS_PER_HOUR = 200
_HOUR_S = 3600.0
_LOUD_FROM = 0.8
_TYPICAL_ANSWER = 300  # tokens, before any answer has told better
_ROUNDING = 1e-9  # sums of floats that should be equal are not


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request in the air is expected to cost (US dollars)."""

    expected: float = 0.0


class Budget:
    """The limits of a kernel, and what it has spent: forks and threads share it.

    >>> Budget(dollars=0.5).spent
    '$0'

    `dollars`: None is no limit; `requests` an hour: None is 200. Requests to the embedded model
    count for neither. A cost that the server's numbers do not tell is estimated; one whose price
    is unknown is not counted. Nothing is read from the log: it begins with the kernel.
    """

    def __init__(self, dollars: float | None = None, requests: int | None = None) -> None:
        self.dollars = dollars
        self.requests = requests
        self._lock = threading.RLock()
        self._spent = 0.0
        self._estimated = False
        self._flying = 0.0
        self._sent: deque[float] = deque()
        self._answers = [0, 0]  # how many, and their tokens
        self._notices: list[str] = []
        self._said: set[object] = set()
        self._unknown: set[object] = set()  # models whose price is

    def follow(self, settings: Settings) -> None:
        """Take over what these settings set from now on; the last one that is set holds."""
        settings.observe(self._limit, ["budget", "max_requests"])

    def _limit(self, change: Mapping[str, Any]) -> None:
        if change["name"] == "budget":
            self.dollars = change["new"]
        else:
            self.requests = change["new"]

    def check(self, requests: Sequence[Request]) -> None:
        """InvalidInput where these requests may not be sent: what has been spent, or how many."""
        paid = sum(not request.embedded for request in requests)
        if paid:
            with self._lock:
                self._check(paid)

    def told_before(self, requests: Sequence[Request]) -> tuple[str, ...]:
        """What these requests can cost at most, in words; an unknown price is said once."""
        from chatnb.cost_estimates import told_before

        with self._lock:
            return told_before(requests, self._unknown)

    def admit(self, request: Request) -> Claim:
        """What is claimed for a request that goes out now; InvalidInput where it may not."""
        if request.embedded:
            return Claim()
        expected = self._expected(request) if self.dollars is not None else 0.0
        with self._lock:
            self._check(1)
            self._flying += expected
            self._sent.append(time.monotonic())
            share = len(self._sent) / self._most()
            self._warn(share, ("requests", self._most()), self._told_requests())
        return Claim(expected)

    def settle(self, claim: Claim, exchange: Exchange) -> None:
        """What came of it: its cost in place of what was claimed."""
        if exchange.request.embedded:
            return
        cost, estimated = exchange.reply.cost, False
        if cost is None and _was_worked_on(exchange):
            cost, estimated = _estimate_of(exchange), True
        with self._lock:
            self._flying = max(0.0, self._flying - claim.expected)
            self._learn(exchange)
            if cost:
                self._spent += cost
                self._estimated = self._estimated or estimated
            if self.dollars is None:
                return
            if cost is None and exchange.status != "error":
                self._say_unknown(exchange.request)
            share = self._spent / self.dollars if self.dollars else 1.0
            self._warn(share, ("dollars", self.dollars), self._told_dollars())

    def take_notices(self) -> tuple[str, ...]:
        """Lines that the user should see once."""
        with self._lock:
            notices = tuple(self._notices)
            self._notices.clear()
            return notices

    @property
    def spent(self) -> str:
        """What was spent, in words: "$0.12", with ~ before it where part of it is estimated."""
        return f"{'~' if self._estimated else ''}{_money(self._spent)}"

    @property
    def sent(self) -> int:
        """How many requests went out within the last hour."""
        with self._lock:
            self._forget_old()
            return len(self._sent)

    def _check(self, count: int) -> None:
        if self.dollars is not None and self._spent + self._flying >= self.dollars - _ROUNDING:
            # Soft: more may be spent, or be in the air, than twice the limit.
            raised = 2 * max(self.dollars, self._spent + self._flying) or 0.5
            flying = "" if self._spent >= self.dollars else ", the rest is in the air"
            raise InvalidInput(
                f"The budget is used up: {self._told_dollars()}{flying}. Nothing was sent; "
                f"%chat_set budget={_money(raised)[1:].replace(',', '')} raises it.",
                kind="budget",
                param="budget",
            )
        self._forget_old()
        left = self._most() - len(self._sent)
        if count <= left:
            return
        raised = max(2 * self._most(), len(self._sent) + count)
        asked = "" if count == 1 else f"{count:,} requests are {count - left:,} too many: "
        raise InvalidInput(
            f"{asked}{self._told_requests()}. Nothing was sent; "
            f"%chat_set max_requests={raised} raises it.",
            kind="max_requests",
            param="max_requests",
        )

    def _most(self) -> int:
        return REQUESTS_PER_HOUR if self.requests is None else self.requests

    def _forget_old(self) -> None:
        while self._sent and self._sent[0] < time.monotonic() - _HOUR_S:
            self._sent.popleft()

    def _told_dollars(self) -> str:
        return f"{self.spent} of {_money(self.dollars or 0)} is spent in this kernel"

    def _told_requests(self) -> str:
        return f"{len(self._sent):,} of {self._most():,} requests an hour went out from this kernel"

    def _warn(self, share: float, limit: object, told: str) -> None:
        """Once for each limit."""
        if share >= _LOUD_FROM - _ROUNDING and limit not in self._said:
            self._said.add(limit)
            self._notices.append(f"{told}.")

    def _say_unknown(self, request: Request) -> None:
        which = (request.base_url, request.model)
        if which not in self._said:
            self._said.add(which)
            self._notices.append(
                f"The price of {request.model} is unknown here: it does not count for the budget, "
                f"only for max_requests ({self._most():,} an hour)."
            )

    def _expected(self, request: Request) -> float:
        from chatnb.cost_estimates import answer_limit, estimated_cost

        count, tokens = self._answers
        typical = tokens // count if count else _TYPICAL_ANSWER
        limit = answer_limit(request)
        return estimated_cost(request, typical if limit is None else min(typical, limit)) or 0.0

    def _learn(self, exchange: Exchange) -> None:
        usage = exchange.reply.usage
        if usage is not None and usage.completion_tokens is not None:
            self._answers = [self._answers[0] + 1, self._answers[1] + usage.completion_tokens]


def _money(amount: float) -> str:
    """Cents are enough where there are many of them."""
    from chatnb.rendering.receipt import dollars

    return f"${amount:,.2f}" if amount >= 0.1 else dollars(amount)


def _was_worked_on(exchange: Exchange) -> bool:
    """Whether it can have cost anything: one that was turned away or never left did not."""
    if exchange.status == "interrupted" and not exchange.attempts:
        return False
    waited = exchange.error is not None and exchange.error.kind == "timeout"
    return exchange.status != "error" or bool(exchange.reply.choices) or waited


def _estimate_of(exchange: Exchange) -> float | None:
    from chatnb.cost_estimates import estimated_answer, estimated_cost

    return estimated_cost(exchange.request, estimated_answer(exchange.reply))
