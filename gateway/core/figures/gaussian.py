"""Gaussian noise in whole numbers, drawn exactly: by the very distribution that the privacy guarantee is proved for.

After Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (NeurIPS 2020), algorithms 1 to 3: no floating
point, and no draw that depends on how a machine rounds. Probabilities are compared with random words of 32 bits, and with more of
them in the one case in four thousand million in which 32 do not decide. How long a draw takes depends on the noise that it gives.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import Final

RandomBytes = Callable[[int], bytes]
"""(count) → that many random bytes."""

Noise = Callable[[int, Fraction], list[int]]
"""(count, variance in first steps squared) → that many independent draws, in whole first steps."""

_WORD_BITS: Final = 32
_WORDS_AT_ONCE: Final = 512
_MOST_TERMS: Final = 12
_UNIT_TERMS: Final = tuple((1 << _WORD_BITS) // k for k in range(1, _MOST_TERMS + 1))
"""In the place k - 1: which words are below a chance of 1/k for sure."""


def gaussian_noise(random_bytes: RandomBytes) -> Noise:
    """Return what draws noise from random bytes."""

    def noise(count: int, variance: Fraction) -> list[int]:
        sampler = _Sampler(random_bytes, variance)
        return [sampler.draw() for _ in range(count)]

    return noise


class _Sampler:
    """Draws from the discrete Gaussian of one variance σ²: an integer x with a chance in proportion to exp(-x² / 2σ²)."""

    __slots__ = ("_denominator", "_random_bytes", "_scale", "_shift", "_step", "_words")

    def __init__(self, random_bytes: RandomBytes, variance: Fraction) -> None:
        """Raises: ValueError: the variance is not positive."""
        if variance <= 0:
            raise ValueError("noise needs a positive variance")
        self._random_bytes = random_bytes
        self._words: list[int] = []
        self._scale = t = isqrt(variance.numerator // variance.denominator) + 1  # floor(σ) + 1
        # (|y| - σ²/t)² / 2σ², with σ² = a/b, is (|y|·t·b - a)² / (2·a·b·t²): whole numbers once t and b are multiplied out.
        a, b = variance.numerator, variance.denominator
        self._step, self._shift, self._denominator = t * b, a, 2 * a * b * t * t

    def draw(self) -> int:
        """Return one draw: a discrete Laplace number, accepted with the chance that makes it Gaussian."""
        while True:
            y = self._laplace()
            deviation = (y if y >= 0 else -y) * self._step - self._shift
            if self._survives(deviation * deviation, self._denominator):
                return y

    def _laplace(self) -> int:
        """Return an integer x with a chance in proportion to exp(-|x| / scale)."""
        scale = self._scale
        while True:
            part = self._below(scale)
            if not self._exp_at_most_one(part, scale):
                continue
            magnitude = part
            while self._exp_one():
                magnitude += scale
            if not self._word() & 1:
                return magnitude
            if magnitude:  # of the two zeros only the positive one counts
                return -magnitude

    def _survives(self, numerator: int, denominator: int) -> bool:
        """Return True with a chance of exp(-numerator / denominator)."""
        while numerator > denominator:
            if not self._exp_one():
                return False
            numerator -= denominator
        return self._exp_at_most_one(numerator, denominator)

    def _exp_one(self) -> bool:
        """Return True with a chance of 1/e."""
        k = 1
        while k < _MOST_TERMS:
            word = self._word()
            limit = _UNIT_TERMS[k]  # a chance of 1 / (k + 1): the first term, of 1, is always met
            if word > limit or (word == limit and not self._decide(word, 1, k + 1)):
                return k % 2 == 0
            k += 1
        while self._chance(1, k + 1):
            k += 1
        return k % 2 == 0

    def _exp_at_most_one(self, numerator: int, denominator: int) -> bool:
        """Return True with a chance of exp(-γ), γ = numerator / denominator at most 1: whether the run of γ/1, γ/2 … is even."""
        k, bound = 1, denominator
        scaled = numerator << _WORD_BITS
        while True:
            word, limit = self._word(), scaled // bound
            if word > limit or (word == limit and not self._decide(word, numerator, bound)):
                return k % 2 == 1
            k += 1
            bound += denominator

    def _chance(self, numerator: int, denominator: int) -> bool:
        """Return True with a chance of numerator / denominator."""
        word, limit = self._word(), (numerator << _WORD_BITS) // denominator
        return word < limit or (word == limit and self._decide(word, numerator, denominator))

    def _decide(self, number: int, numerator: int, denominator: int) -> bool:
        """Return whether a uniform number, whose first word alone does not tell, lies below numerator / denominator."""
        bits = _WORD_BITS
        while True:
            bound = numerator << bits
            if (number + 1) * denominator <= bound:
                return True
            if number * denominator >= bound:
                return False
            number = number << _WORD_BITS | self._word()
            bits += _WORD_BITS

    def _below(self, limit: int) -> int:
        """Return one of the whole numbers below a limit, all equally likely."""
        bits = (limit - 1).bit_length()
        while True:
            number, have = 0, 0
            while have < bits:
                number = number << _WORD_BITS | self._word()
                have += _WORD_BITS
            number >>= have - bits
            if number < limit:
                return number

    def _word(self) -> int:
        """Return the next 32 random bits."""
        if not self._words:
            words = array("I", self._random_bytes(_WORDS_AT_ONCE * _WORD_BITS // 8))
            self._words = words.tolist()
        return self._words.pop()
