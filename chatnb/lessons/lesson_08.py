"""The exercise of notebook 08, length, stop, n, stream, seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

PROMPT = "List the numbers from 1 to 9."
CAP = "max_completion_tokens"


@exercise(
    "08.1",
    hints=(
        "Which of the two reasons means that something was cut off?",
        "The first answer says how many tokens the whole list takes.",
        "A cap below that cuts: caps = [100, 12].",
    ),
)
def both_endings(rows: pandas.DataFrame) -> Finding:
    """The two newest of the exercise's requests, alike but for the cap, end for two reasons."""
    # Those of the exercise: one choice, no stop text, a cap.
    own = rows[
        (rows["source"] == "python")
        & (rows["prompt"] == PROMPT)
        & rows["n"].isna()
        & rows["stop"].isna()
        & rows[CAP].notna()
    ]
    newest = [_ending(row) for _, row in own.tail(2).iterrows()]
    if len(newest) < 2:
        return Finding(False, f"{len(newest)} of 2 requests", "Run the cell above first.")
    measured = " and ".join(f"{reason} with a cap of {cap}" for cap, reason in newest)
    reasons = {reason for _, reason in newest}
    if reasons == {"stop", "length"}:
        return Finding(True, measured, "The model said the same; the cap cut one of the two.")
    return Finding(False, measured, "One is to end with stop, the other with length.")


def _ending(row: pandas.Series[Any]) -> tuple[int, str]:
    return int(row[CAP]), str(row["finish_reason"])
