"""The exercise of notebook 05, temperature and top_p."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chatnb.lessons.exercises import Finding, exercise
from chatnb.lessons.statistics import bootstrap, distinct

if TYPE_CHECKING:
    import pandas

PROMPT = "Write one sentence about a dog."
LOW, HIGH = 0.4, 0.8
ENOUGH = 12


@exercise(
    "05.1",
    hints=(
        "Look at the left upper curve: where is it between 0.4 and 0.8?",
        "A dog is not a cat, but nearly: begin between 0.2 and 0.6.",
        "Try temperature = 0.4; where the model differs, halve the step and try again.",
    ),
)
def half_different(rows: pandas.DataFrame) -> Finding:
    """The newest sample about a dog has a distinct-2 in the wanted range."""
    own = rows[(rows["prompt"] == PROMPT) & (rows["status"] == "ok")]
    if own.empty:
        return Finding(False, "no sentence about a dog", "Run the cell of the exercise.")
    newest = own["temperature"].iloc[-1]
    texts = list(own.loc[own["temperature"] == newest, "reply"])[-ENOUGH:]
    if len(texts) < ENOUGH:
        measured = f"{len(texts)} sentences at temperature {newest}"
        return Finding(False, measured, f"It takes {ENOUGH} at one temperature.")
    share, (low, high) = distinct(texts, 2), bootstrap(texts, _distinct_2)
    measured = (
        f"temperature {newest}: distinct-2 {share:.2f}, 95 % interval {low:.2f} to {high:.2f}"
    )
    if LOW <= share <= HIGH:
        return Finding(True, measured, f"Between {LOW} and {HIGH}, over {ENOUGH} sentences.")
    if low <= HIGH and high >= LOW:
        why = "Your sample may be unlucky: the interval reaches into the range. Take other seeds."
        return Finding(False, measured, why)
    why = "Too varied: a lower temperature." if share > HIGH else "Too alike: a higher temperature."
    return Finding(False, measured, why)


def _distinct_2(texts: Sequence[str]) -> float:
    return distinct(texts, 2)
