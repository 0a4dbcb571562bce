"""The exercise of notebook 09, when it goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

CHOICES = ("retry", "fix", "pay")


class Failure(NamedTuple):
    """One of the six: what helps, why, and its kind in the log."""

    helps: str
    why: str
    kind: str


FAILURES = {
    "a": Failure("fix", "a rejected key is rejected again", "auth"),
    "b": Failure("retry", "a limit per minute is over in a minute", "rate_limit"),
    "c": Failure("pay", "waiting brings no credit", "quota"),
    "d": Failure("retry", "a server that crashed may be up again", "server"),
    "e": Failure("fix", "the same prompt is too long again", "context_length"),
    "f": Failure("fix", "an address at which nobody listens stays silent", "connection"),
}


@exercise(
    "09.1",
    hints=(
        "Would the very same request work in a minute, if you changed nothing?",
        "Two of the six get better by waiting. One of the two errors of number 429 does not.",
        "The log says so: quota was tried once, rate_limit and server up to three times.",
    ),
)
def told_apart(rows: pandas.DataFrame, answer: Sequence[str]) -> Finding:
    """For each of the six failures, in their order, what helps."""
    given = dict(zip(FAILURES, [str(each).strip().lower() for each in answer], strict=False))
    strange = [repr(said) for said in given.values() if said not in CHOICES]
    if strange or len(answer) != len(FAILURES):
        measured = f"{len(answer)} answers" + (f", {strange[0]} among them" if strange else "")
        return Finding(False, measured, f"It takes six, each one of {', '.join(CHOICES)}.")
    wrong = [letter for letter in FAILURES if given[letter] != FAILURES[letter].helps]
    measured = f"{len(FAILURES) - len(wrong)} of {len(FAILURES)} right"
    if not wrong:
        return Finding(True, measured, "Wait for two, pay for one, and change three.")
    return Finding(False, measured, f"Look at {wrong[0]} again: {_evidence(rows, wrong[0])}.")


def _evidence(rows: pandas.DataFrame, letter: str) -> str:
    """What the log has of such a failure; the reason where it has none yet."""
    failure = FAILURES[letter]
    # Without a count: the server's models were asked for, and the request was never sent.
    seen = rows[(rows["error_kind"] == failure.kind) & rows["attempts"].notna()]
    if seen.empty:
        return failure.why
    count = int(seen["attempts"].iloc[-1])
    tried = f"{count} {'request' if count == 1 else 'requests'}"
    return f"{failure.why} ({failure.kind} took {tried} in your log)"
