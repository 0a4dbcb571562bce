"""The exercise of notebook 05, judged on rows written by hand."""

from __future__ import annotations

import pandas

from chatnb.lessons.lesson_05 import PROMPT, half_different

ALIKE = ["A dog is a loyal friend."] * 12
VARIED = [f"dog{i} sees tree{i} near house{i}" for i in range(12)]
BETWEEN = ALIKE[:6] + VARIED[:6]


def rows(replies: list[str], temperature: float = 0.5) -> pandas.DataFrame:
    return pandas.DataFrame(
        {"prompt": PROMPT, "status": "ok", "temperature": temperature, "reply": replies}
    )


def test_a_sample_between_alike_and_varied_passes() -> None:
    finding = half_different(rows(BETWEEN))
    assert finding
    assert finding.measured.startswith("temperature 0.5: distinct-2 0.54, 95 % interval ")


def test_too_alike_and_too_varied_say_in_which_direction_to_go() -> None:
    assert "a higher temperature" in half_different(rows(ALIKE)).why
    assert "a lower temperature" in half_different(rows(VARIED)).why


def test_a_sample_that_may_be_unlucky_is_told_so() -> None:
    nearly = half_different(rows(ALIKE[:8] + VARIED[:4]))
    assert not nearly
    assert "unlucky" in nearly.why


def test_the_newest_twelve_at_one_temperature_count() -> None:
    tries = [rows(VARIED, 1.6), rows(BETWEEN, 0.4)]
    assert half_different(pandas.concat(tries, ignore_index=True))
    again = pandas.concat([rows(ALIKE), rows(VARIED)], ignore_index=True)
    assert "Too varied" in half_different(again).why
    assert "It takes 12" in half_different(rows(BETWEEN[:5])).why
    assert not half_different(rows([]))
