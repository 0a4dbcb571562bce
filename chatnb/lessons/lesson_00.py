"""The exercise of notebook 00, start here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

REQUESTS = 3
# What the notebook itself asks does not count.
GIVEN = ("Hello, can you tell me a random joke ?", "For which duration?")


@exercise(
    "00.1",
    hints=(
        "A cell that begins with %%chat is one request each time it runs.",
        "A line that begins with %chat is one, too; so is chatnb.ask(...).",
        "Put three lines into the cell: %chat and a prompt of yours, each.",
    ),
)
def three_requests(rows: pandas.DataFrame) -> Finding:
    """Three different prompts of the student's own were answered."""
    own = rows[(rows["status"] == "ok") & ~rows["prompt"].isin(GIVEN)]
    count = own["prompt"].nunique()
    measured = f"{count} {'prompt' if count == 1 else 'prompts'} of your own answered"
    if count < REQUESTS:
        return Finding(False, measured, f"It takes {REQUESTS}, each with other words.")
    tokens = int(own["total_tokens"].sum())
    return Finding(True, measured, f"They took {tokens} tokens: {len(own)} rows of the log.")
