"""A reply that comes slowly: it goes on all the time, whatever that costs."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from chatnb.rendering.stream_pieces import StreamChoices, StreamPieces

SENTENCE = "Some **words** of a paragraph that goes on and on, with `code` for good measure. "
TEXTS = {
    "paragraphs": (SENTENCE * 6 + "\n\n") * 30,
    "one paragraph": SENTENCE * 120,
    "a table": "| a | b | c |\n|--|--|--|\n" + "| some | small | cells |\n" * 400,
    "code": "Look:\n\n```python\n" + "value = compute(1, 'text')  # why\n" * 300 + "```\n",
    "a list": "- item **one** is here and it goes on\n" * 300,
}
EVERY = 0.1  # seconds from one publication to the next


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def drawings(text: str, per_second: float, seconds: float) -> list[tuple[float, str]]:
    """When what was drawn, of a text that grows by so many characters a second."""
    clock = Clock()
    pieces = StreamPieces(clock)
    drawn = []
    for step in range(int(seconds / EVERY)):
        drawing = pieces.next(text[: 1 + int(per_second * EVERY * step)])
        if drawing is not None:
            drawn.append((clock.now, drawing.html))
        clock.now += EVERY * random.Random(step).uniform(1, 1.2)
    return drawn


@pytest.mark.parametrize("words_per_second", [5, 20, 60])
@pytest.mark.parametrize("name", TEXTS)
def test_a_slow_reply_never_stands_still_for_half_a_second(name, words_per_second):
    length = len(TEXTS[name]) / len(TEXTS[name].split())
    drawn = drawings(TEXTS[name], words_per_second * (length + 1), 20)
    gaps = [after - before for (before, _), (after, _) in pairwise(drawn)]
    assert max(gaps) <= 0.5
    assert sum(gaps) > 19


def test_a_table_that_comes_slowly_stays_a_table():
    drawn = drawings(TEXTS["a table"], 100, 20)
    assert all("<table" in html for _, html in drawn[15:])


@pytest.mark.parametrize("per_second", [800, 1_000, 5_000])
@pytest.mark.parametrize("name", TEXTS)
def test_bytes_of_a_fast_reply_are_at_most_four_times_its_own(name, per_second):
    text = TEXTS[name]
    drawn = drawings(text, per_second, len(text) / per_second)
    assert len(text) > 2_000
    assert sum(len(html.encode()) for _, html in drawn) <= 4 * len(text.encode())


def test_several_choices_that_come_slowly_never_stand_still_either():
    clock = Clock()
    choices = StreamChoices(clock)
    times = []
    for step in range(200):
        texts = [TEXTS["paragraphs"][: 1 + 8 * step]] * 2
        if choices.next(texts) is not None:
            times.append(clock.now)
        clock.now += EVERY
    assert max(after - before for before, after in pairwise(times)) <= 0.5
    assert times[-1] - times[0] > 19


def test_of_a_reply_that_is_too_long_to_be_shown_no_more_is_drawn():
    text = "word " * 1_000_000
    pieces = StreamPieces(Clock())
    drawn = [pieces.next(text[:length]) for length in range(20_000, len(text), 20_000)]
    html = "".join(drawing.html for drawing in drawn if drawing)
    assert 100_000 < len(html) < 400_000
    assert pieces.next(text) is None
