"""The exercise of notebook 07, penalties and logit_bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatnb.lessons.exercises import Finding, exercise
from chatnb.lessons.statistics import words

if TYPE_CHECKING:
    import pandas

PROMPT = "Tell me about the moon."
WORD = "the"
ENOUGH = 15  # words: an answer of nothing has no "the" either


@exercise(
    "07.1",
    hints=(
        "How does the answer begin? That token is another one than the banned.",
        "The cell above that lists token ids has four spellings of the word.",
        'spellings = [" the", "the", " The", "The"].',
    ),
)
def banned_in_every_spelling(rows: pandas.DataFrame) -> Finding:
    """The newest biased answer to the exercise's prompt has no "the", and enough words."""
    own = rows[(rows["prompt"] == PROMPT) & rows["logit_bias"].notna()]
    if own.empty:
        return Finding(False, "no request with a logit_bias", "Run the cell above first.")
    newest = own.iloc[-1]
    if newest["status"] != "ok":
        return Finding(False, f"status {newest['status']}", "That request brought no answer.")
    said = words(newest["reply"])
    measured = f"{said.count(WORD)} times {WORD!r} in {len(said)} words"
    if WORD in said:
        return Finding(False, measured, "A spelling escapes: with a capital, or without a blank.")
    if len(said) < ENOUGH:
        return Finding(False, measured, f"Nothing is no answer: {ENOUGH} words or more.")
    return Finding(True, measured, f"What was sent: {newest['logit_bias']}")
