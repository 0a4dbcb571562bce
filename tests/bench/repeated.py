"""Medians of several runs, the sides interleaved, so that a busy machine slows both alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sides:
    """Seconds that chatnb and the bare SDK took, one pair a round."""

    chatnb: tuple[float, ...]
    bare: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return median(ours / theirs for ours, theirs in zip(self.chatnb, self.bare, strict=True))

    def beside(self) -> str:
        return f"{median(self.chatnb) * 1e3:.3g} ms over {median(self.bare) * 1e3:.3g} ms"


def interleaved(rounds: int, chatnb: Callable[[int], float], bare: Callable[[int], float]) -> Sides:
    """Both sides in turn, each beginning every other round; each gets the round's number."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            theirs = bare(number)
            pairs.append((chatnb(number), theirs))
        else:
            pairs.append((chatnb(number), bare(number)))
    ours, others = zip(*pairs, strict=True)
    return Sides(ours, others)
