"""Exercises by their number: what is checked, and the hints.

A check reads the log, never the prose: what was sent, why the answer ended, how many tokens it
took, how often a word came. So it holds for any model. One of your own is a function:

    @exercise("my.1", hints=("Look at --max_tokens.",))
    def ends_at_the_limit(rows):
        cut = rows[rows["finish_reason"] == "length"]
        return Finding(not cut.empty, f"{len(cut)} answers were cut", "One is enough.")

Once that has run, `check("my.1")` finds it.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatnb.errors import InvalidInput
from chatnb.lessons.findings import Finding, Hints

if TYPE_CHECKING:
    import pandas

__all__ = ["Finding", "Hints", "check", "exercise", "exercises", "hint"]

Judge = Callable[..., Finding]
_LESSON = re.compile(r"lesson_\d\d")
_NOTHING_GIVEN: Any = object()


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise: how it is judged, and its hints from the vaguest to the plainest."""

    number: str
    judge: Judge
    hints: tuple[str, ...]

    @property
    def takes_answer(self) -> bool:
        """Whether the student gives a value, besides what the log says."""
        return len(inspect.signature(self.judge).parameters) > 1


_known: dict[str, Exercise] = {}
_asked: dict[str, int] = {}


def exercise(number: str, *, hints: Sequence[str] = ()) -> Callable[[Judge], Judge]:
    """A decorator: the function below it judges the exercise of this number.

    >>> @exercise("my.1", hints=("Send one.",))
    ... def one_request(rows):
    ...     return Finding(len(rows) >= 1, f"{len(rows)} requests", "One is enough.")

    The function takes `rows`, this kernel's log as `chatnb.log()` gives it, and where the student
    is to give a value also `answer`; it returns a Finding. Saying it again replaces it.
    """

    def keep(judge: Judge) -> Judge:
        _known[number] = Exercise(number, judge, tuple(hints))
        return judge

    return keep


def check(number: str, answer: Any = _NOTHING_GIVEN) -> Finding:
    """What this kernel's log says about an exercise: what was measured, whether it passes, why.

    >>> check("05.1")                                             # doctest: +SKIP
    >>> check("01.1", "finish_reason")                            # doctest: +SKIP

    Only requests of `%%chat`, the panel, `ask` and `sample` are in the log; a call of the bare SDK
    is not. The Finding is true where it passes. Raises InvalidInput for a number that there is not,
    and for an answer where none is asked for.
    """
    from chatnb.kernel import log

    found = _found(number)
    given = answer is not _NOTHING_GIVEN
    if given and not found.takes_answer:
        raise InvalidInput(
            f"Exercise {number} takes no answer, it reads the log: check({number!r}).",
            kind="usage",
        )
    if found.takes_answer and not given:
        why = f"This one asks for a value: check({number!r}, ...)."
        return Finding(False, "no answer given", why, number)
    finding = _judged(found, log(), answer) if given else found.judge(log())
    return replace(finding, number=number)


def _judged(found: Exercise, rows: pandas.DataFrame, answer: Any) -> Finding:
    """An answer may be anything; one that cannot be read is no error of the exercise."""
    try:
        return found.judge(rows, answer)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        what = f"{type(answer).__name__}, {_shortened(repr(answer))}"
        return Finding(False, what, f"The check cannot read that answer: {error}")


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def hint(number: str) -> Hints:
    """The hints of an exercise: one more each time it is asked for, from vague to plain.

    >>> hint("05.1")                                              # doctest: +SKIP
    """
    found = _found(number)
    _asked[number] = min(_asked.get(number, 0) + 1, len(found.hints))
    return Hints(number, found.hints[: _asked[number]], len(found.hints))


def exercises() -> list[str]:
    """The number of every exercise there is, those of your own included."""
    for name in _lesson_names():
        importlib.import_module(f"chatnb.lessons.{name}")
    return sorted(_known)


def _found(number: str) -> Exercise:
    """The exercise of a number; only the lesson that has it is imported."""
    lesson = f"lesson_{str(number).partition('.')[0]}"
    if number not in _known and lesson in _lesson_names():
        importlib.import_module(f"chatnb.lessons.{lesson}")
    if number not in _known:
        raise _unknown(number)
    return _known[number]


def _unknown(number: str) -> InvalidInput:
    every = exercises()
    start = str(number).partition(".")[0] + "."
    listed = [each for each in every if each.startswith(start)] or every
    return InvalidInput(
        f"There is no exercise {number!r}. There are: {', '.join(listed)}.", kind="usage"
    )


def _lesson_names() -> Iterator[str]:
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return (name for name in names if _LESSON.fullmatch(name))
