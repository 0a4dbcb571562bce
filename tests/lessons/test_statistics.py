"""Statistics of replies: exact values, and intervals that hold what they promise."""

from __future__ import annotations

import math
import random
from statistics import NormalDist, fmean

import pytest

from chatnb.lessons.statistics import bootstrap, distinct, repeated_words, share_interval, words


def test_words_are_lower_case_and_keep_apostrophes_and_hyphens_inside() -> None:
    assert words("It's 'quoted', well-known: ÄÖÜ 3x") == [
        "it's", "quoted", "well-known", "äöü", "3x",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "n", "share"),
    [
        (["a b c"], 1, 1.0),
        (["a b a"], 1, 2 / 3),
        (["a b", "a b"], 2, 0.5),
        (["a b", "b a"], 2, 1.0),  # no run across two texts
        (["a", ""], 2, 0.0),
        ([], 1, 0.0),
    ],
)
def test_distinct_is_the_share_of_different_runs(texts: list[str], n: int, share: float) -> None:
    assert distinct(texts, n) == pytest.approx(share)


def test_twenty_equal_texts_are_as_distinct_as_one_in_twenty() -> None:
    assert distinct(["one two three"] * 20, 2) == pytest.approx(1 / 20)


def test_a_run_of_no_words_is_refused() -> None:
    with pytest.raises(ValueError, match="from 1, not 0"):
        distinct(["a"], 0)


def test_repeated_words_counts_what_came_before() -> None:
    assert repeated_words("one two three") == 0
    assert repeated_words("one One ONE one") == 0.75
    assert repeated_words("...") == 0


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        # Brown, Cai, DasGupta give the formula; these are its values to four digits.
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 10, 0.0179, 0.4042),
    ],
)
def test_share_interval_is_wilsons(hits: int, count: int, low: float, high: float) -> None:
    assert share_interval(hits, count) == pytest.approx((low, high), abs=5e-5)


def test_share_interval_ends_where_the_share_is_just_not_rejected() -> None:
    """Its definition: the ends are the shares from which the sample is 1.96 deviations away."""
    z = NormalDist().inv_cdf(0.975)
    for end in share_interval(7, 30):
        assert abs(7 / 30 - end) == pytest.approx(z * math.sqrt(end * (1 - end) / 30))


def test_share_interval_of_nothing_is_everything() -> None:
    assert share_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="3 of 2"):
        share_interval(3, 2)


def test_bootstrap_is_the_same_with_the_same_seed() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]
    assert bootstrap(values, fmean, seed=7) == bootstrap(values, fmean, seed=7)
    assert bootstrap(values, fmean, seed=7) != bootstrap(values, fmean, seed=8)


def test_bootstrap_of_a_mean_is_as_wide_as_theory_says() -> None:
    draw = random.Random(1)
    values = [draw.gauss(10, 2) for _ in range(41)]
    low, high = bootstrap(values, fmean, repeats=4000)
    mean = fmean(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / 40)
    assert high - low == pytest.approx(2 * 1.96 * deviation / math.sqrt(41), rel=0.08)
    assert (low + high) / 2 == pytest.approx(mean, abs=0.1)


def test_bootstrap_holds_the_true_mean_nearly_always() -> None:
    draw = random.Random(2)
    held = 0
    for _ in range(200):
        values = [draw.random() for _ in range(20)]
        low, high = bootstrap(values, fmean, repeats=200)
        held += low <= 0.5 <= high
    assert held >= 180


def test_bootstrap_does_not_take_a_text_drawn_twice_for_a_repetition() -> None:
    """With replacement the interval would end near 0.8, though no two texts share a word."""
    texts = [f"word{number} other{number}" for number in range(20)]
    assert bootstrap(texts, lambda chosen: distinct(chosen, 2)) == (1.0, 1.0)


def test_bootstrap_of_one_value_is_that_value() -> None:
    assert bootstrap([3.0], fmean) == (3.0, 3.0)
