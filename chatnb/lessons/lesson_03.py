"""The exercise of notebook 03, memory is a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatnb.lessons.exercises import Finding, exercise

if TYPE_CHECKING:
    import pandas

QUESTION = "What is my dog called?"
FACT = "Rex"


@exercise(
    "03.1",
    hints=(
        "`story` is a list: story[:4] is its first four messages, story[-4:] its last four.",
        "Which message has the name in it? Look at story[0].",
        "Write kept = story[:2].",
    ),
)
def half_the_past(rows: pandas.DataFrame) -> Finding:
    """The question is asked again with at most half the tokens, and the name is still sent."""
    own = rows[(rows["prompt"] == QUESTION) & rows["prompt_tokens"].notna()]
    if len(own) < 2:
        return Finding(False, f"asked {len(own)} times", "Ask once in the story, and once more.")
    first, last = int(own["prompt_tokens"].iloc[0]), int(own["prompt_tokens"].iloc[-1])
    measured = f"{first} prompt tokens the first time, {last} the last"
    if 2 * last > first:
        return Finding(False, measured, f"At most {first // 2} are wanted: send fewer messages.")
    before = list(own["messages"].iloc[-1])[:-1]
    if not any(FACT in str(message["content"]) for message in before):
        return Finding(False, measured, f"But {FACT} is in none of the {len(before)} before it.")
    return Finding(True, measured, f"{len(before)} messages are enough: {FACT} is in them.")
