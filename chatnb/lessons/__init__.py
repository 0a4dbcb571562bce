"""The tutorial kit's other half: exercises that are checked against the log.

    from chatnb.lessons import check, hint

    check("05.1")
    hint("05.1")

`statistics` measures replies, `claims` says on how many, `facts` has the tables that age, and
`lesson_05` the exercises of notebook 05. An exercise of your own needs `exercise` and `Finding`.
"""

from __future__ import annotations

from chatnb.lessons.claims import claim
from chatnb.lessons.exercises import Finding, check, exercise, hint

__all__ = ["Finding", "check", "claim", "exercise", "hint"]
