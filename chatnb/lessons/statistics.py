"""What can be measured of replies, and how sure that is. Pure Python; the same arguments give
the same result.

A word is a run of letters, digits, apostrophes and hyphens, in lower case.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TypeVar

Item = TypeVar("Item")

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_NORMAL_975 = 1.959963984540054  # 97.5 % of a standard normal variable lie below it


def words(text: str) -> list[str]:
    """The words of a text, in lower case.

    >>> words("The cat's mat — well-made, 2 of 3!")
    ['the', "cat's", 'mat', 'well-made', '2', 'of', '3']
    """
    return _WORD.findall(text.lower())


def distinct(texts: Iterable[str], n: int = 1) -> float:
    """Distinct-n: how many of all runs of n words are different, as a share from 0 to 1.

    >>> distinct(["the cat sat", "the cat ran"], 2)
    0.75

    distinct_n = different n-grams / n-grams, over all texts together; a run does not cross from
    one text into the next. 0 where there is no run at all. It falls as texts become longer or
    more: compare samples of one size. After Li, Galley, Brockett, Gao, Dolan: A
    Diversity-Promoting Objective Function for Neural Conversation Models, NAACL 2016, who divide
    by the number of words.
    """
    if n < 1:
        raise ValueError(f"n is a whole number from 1, not {n}")
    runs = list(chain.from_iterable(_runs(words(text), n) for text in texts))
    return len(set(runs)) / len(runs) if runs else 0.0


def _runs(listed: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(listed[start:] for start in range(n)), strict=False)


def repeated_words(text: str) -> float:
    """How many words of a text had come before in it, as a share from 0 to 1.

    >>> repeated_words("blue blue sky blue")
    0.5

    1 - different words / words: one minus what linguists call the type-token ratio. 0 for a text
    without words. It grows with length: compare texts cut at the same number of tokens.
    """
    listed = words(text)
    return 1 - len(set(listed)) / len(listed) if listed else 0.0


def share_interval(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share, as (low, high): where the true share can well be.

    >>> low, high = share_interval(5, 12)
    >>> round(low, 3), round(high, 3)
    (0.193, 0.68)

    Wilson's score interval: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), with p = hits/n and
    z = 1.96. Unlike p ± 1.96 σ it stays within 0 and 1 and is not empty for 0 hits. After Wilson:
    Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927); advised
    for small samples by Brown, Cai, DasGupta: Interval Estimation for a Binomial Proportion,
    Statistical Science 16 (2001). (0, 1) where nothing was counted.
    """
    if not 0 <= hits <= count:
        raise ValueError(f"hits are 0 to count, not {hits} of {count}")
    if count == 0:
        return 0.0, 1.0
    share, squared = hits / count, _NORMAL_975**2
    middle = share + squared / (2 * count)
    half = _NORMAL_975 * math.sqrt(share * (1 - share) / count + squared / (4 * count**2))
    scale = 1 + squared / count
    low = 0.0 if hits == 0 else (middle - half) / scale
    high = 1.0 if hits == count else (middle + half) / scale
    return low, high


def bootstrap(
    values: Sequence[Item],
    statistic: Callable[[Sequence[Item]], float],
    *,
    repeats: int = 400,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95 % interval of any statistic of a sample, of numbers or of texts, as (low, high).

    >>> low, high = bootstrap([1, 2, 3, 4], lambda values: sum(values) / len(values))
    >>> 1.5 <= low < 2.5 < high <= 3.6
    True
    >>> bootstrap(["same", "same", "same"], lambda texts: distinct(texts, 1))
    (0.3333333333333333, 0.3333333333333333)

    Random halves of the sample are drawn without replacement; how far their statistics spread
    around their mean is how far the sample's own would, after a factor that makes up for their
    size: √(m / (n - m)) for m of n. The usual bootstrap draws with replacement: a text drawn twice
    would count as a repetition that the model never made. The interval is around the sample's own
    value, and is that value alone below two of them. This is the delete-half jackknife, one of the
    exchangeable bootstraps of Præstgaard and Wellner: Exchangeably Weighted Bootstraps of the
    General Empirical Process, Annals of Probability 21 (1993). The same `seed` gives the same
    interval; it says nothing about what all samples have in common, such as one prompt.
    """
    own = statistic(values)
    if len(values) < 2:
        return own, own
    size = len(values) // 2
    factor = math.sqrt(size / (len(values) - size))
    draw = random.Random(seed)  # noqa: S311 - statistics, no secret
    halves = [statistic(draw.sample(list(values), size)) for _ in range(repeats)]
    mean = math.fsum(halves) / repeats
    spread = sorted(own + factor * (half - mean) for half in halves)
    return _quantile(spread, 0.025), _quantile(spread, 0.975)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of the ordered values lies, between neighbors in line."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
