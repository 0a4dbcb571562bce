"""The exercise of notebook 04, tokens and money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

WORDY = (
    "Hello! I hope you are having a wonderful day. I was wondering whether you could possibly "
    "be so kind as to help me with something. My dog, whose name is Rex, and who is 7 years old, "
    "lives together with me in the city of Berlin. Would you please be so kind as to write one "
    "short sentence about him for me? Thank you so very much in advance for your kind help!"
)
FACTS = ("Rex", "7", "Berlin")
SAVED = 0.3


@exercise(
    "04.1",
    hints=(
        "A model needs no greeting: what is asked, and what it needs to know for it.",
        "Rex, 7 and Berlin must stand in it, in these letters.",
        'For example: "Write one short sentence about my dog Rex, 7 years old, of Berlin."',
    ),
)
def fewer_tokens(rows: pandas.DataFrame) -> Finding:
    """The newest prompt about the dog has at least 30 % fewer tokens, and the three facts."""
    counted = rows[rows["prompt_tokens"].notna()]
    wordy = counted[counted["prompt"] == WORDY]
    if wordy.empty:
        return Finding(False, "the long prompt was not sent", "Run the cell of the exercise.")
    newest = counted[counted["id"] >= wordy["id"].iloc[-1]].iloc[-1]
    before, now = int(wordy["prompt_tokens"].iloc[-1]), int(newest["prompt_tokens"])
    missing = [fact for fact in FACTS if fact not in str(newest["prompt"])]
    measured = f"{before} prompt tokens before, {now} now: {(before - now) / before:.0%} saved"
    if missing:
        return Finding(False, measured, f"Missing in what was sent: {', '.join(missing)}.")
    if now > (1 - SAVED) * before:
        return Finding(False, measured, f"It takes {SAVED:.0%}.")
    return Finding(True, measured, "The facts are what the model needs; the rest was paid for too.")
