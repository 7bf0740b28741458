"""Gaussian beliefs and the closed-form updates by a verdict. Arithmetic only, no state.

A verdict on work of score N(mean, variance) is a probit observation with the verdict's own error rates; the
updated belief is the Gaussian with the posterior's mean and variance (assumed-density filtering).
"""

import math
from typing import NamedTuple


class Gaussian(NamedTuple):
    """A belief about a number: its mean and variance."""

    mean: float
    variance: float


type Moments = tuple[float, float]  # a Gaussian, or a plain tuple where thousands are created


class Rates(NamedTuple):
    """The verdict's measured error rates: wrong work accepted, right work rejected."""

    false_accept: float = 0.0
    false_reject: float = 0.0

    def accepts(self, right: float) -> float:
        """The probability that the verdict accepts work that is right with probability `right`."""
        return self.false_accept + (1.0 - self.false_accept - self.false_reject) * right


def phi(x: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * math.erfc(-x * _ROOT_HALF)


def derivatives(score: Gaussian, accepted: bool, rates: Rates) -> tuple[float, float]:
    """First and second derivative of the verdict's log probability with respect to the score's mean."""
    spread = math.sqrt(1.0 + score.variance)
    t = score.mean / spread
    sharpness = 1.0 - rates.false_accept - rates.false_reject
    accepts = rates.accepts(phi(t))
    density = sharpness * math.exp(-0.5 * t * t) / (_ROOT_2PI * spread)
    slope = density / max(accepts, _LEAST) if accepted else -density / max(1.0 - accepts, _LEAST)
    return slope, -slope * (t / spread + slope)


def residual(score: Gaussian, accepted: bool, rates: Rates) -> float:
    """The verdict's deviation from the prediction in standard deviations, clipped to -2 to 2."""
    accepts = rates.accepts(phi(score.mean / math.sqrt(1.0 + score.variance)))
    return max(-2.0, min(2.0, (accepted - accepts) / math.sqrt(max(accepts * (1.0 - accepts), _LEAST))))


def moved(belief: Gaussian, x: float, slope: float, curve: float) -> Gaussian:
    """The moment-matched belief after an observation; a noisy verdict may widen it, within bounds."""
    variance = belief.variance * (1.0 + belief.variance * x * x * curve)
    variance = min(max(variance, 0.05 * belief.variance), 1.5 * belief.variance)
    return Gaussian(belief.mean + belief.variance * x * slope, variance)


def faded(belief: Gaussian, prior: Gaussian, kept: float) -> Gaussian:
    """The belief mixed with its prior; `kept` (0 to 1) is the share of its information that is kept."""
    own, given = kept / belief.variance, (1.0 - kept) / prior.variance
    precision = own + given
    return Gaussian((own * belief.mean + given * prior.mean) / precision, 1.0 / precision)


# ------------------------------------------------------------------------------------------------------

_ROOT_HALF = math.sqrt(0.5)
_ROOT_2PI = math.sqrt(2.0 * math.pi)
_LEAST = 1e-9
