"""How likely a verdict is to accept a model's work: a probit model, updated in closed form by each verdict.

    score = coefficients + category + skill + hand + fit + ease(task)        P(right) = Phi(score)

*skill* belongs to a model, *hand* to a model with one executor, *fit* to both in one category; *ease* is
shared by all attempts at one task and thrown away after it, so that one failure makes every other model
look worse at the same task. Each weight is a Gaussian; an update is assumed-density filtering (AdPredictor,
TrueSkill). A model nobody has tried starts from its coding index and price, and how much these two say is
learned too. Weights slide back to their prior, slowly with time and fast when a model surprises.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from nightcrew.task import Complexity, ExecutorName


class Gaussian(NamedTuple):
    """A belief about a number."""

    mean: float
    variance: float


class Traits(NamedTuple):
    """What the catalogue says about a model's skill before anybody tried it, as inputs of the model."""

    slug: str
    coding: float = 0.0  # coding index, standardised; 0: unknown
    price: float = 0.0  # logarithm of the list price; 0: unknown, free, or a dollar a million input tokens

    @classmethod
    def of(cls, slug: str, *, coding_index: float | None, price_1m_usd: float | None) -> "Traits":
        """From the catalogue's own units."""
        return cls(
            slug,
            0.0 if coding_index is None else (coding_index - 40.0) / 15.0,
            max(-2.0, min(2.0, math.log(price_1m_usd) / 1.5)) if price_1m_usd else 0.0,
        )


class Rates(NamedTuple):
    """The verdict's own errors, measured: wrong work accepted, right work rejected."""

    false_accept: float = 0.0
    false_reject: float = 0.0

    def accepts(self, right: float) -> float:
        """Probability that the verdict accepts work that is right with probability `right`."""
        return self.false_accept + (1.0 - self.false_accept - self.false_reject) * right


class Term(NamedTuple):
    """One summand of a score: where its weight is kept, its input, and the weight's prior."""

    table: str
    key: str
    x: float
    prior: Gaussian


type Moments = tuple[float, float]  # a Gaussian, or a plain pair where thousands are made
type Tables = dict[str, dict[str, Gaussian]]

EASE = Gaussian(0.0, 2.0)
FORGET_PER_TASK = 0.001
FORGET_EVERY = 100  # tasks
SURPRISE_KEPT = 0.9  # of a running mean of residuals, whose standard deviation is 0.23 while nothing changes
SURPRISE_LIMIT = 0.75
BIAS = Gaussian(0.5, 0.5)
INDEX = Gaussian(0.35, 0.05)
PRICE = Gaussian(0.2, 0.05)
CATEGORY = Gaussian(0.0, 0.3)
SKILL = Gaussian(0.0, 0.35)
HAND = Gaussian(0.0, 0.15)
FIT = Gaussian(0.0, 0.25)
EXECUTOR: dict[str, Gaussian] = {ExecutorName.DIRECT: Gaussian(-0.4, 0.3)}
COMPLEXITY = {
    Complexity.SIMPLE: Gaussian(0.4, 0.05),
    Complexity.COMPLEX: Gaussian(-0.4, 0.05),
}


class SuccessModel:
    """Weights and the closed-form rules that use and change them. Knows nothing of files or costs."""

    def __init__(
        self, tables: Tables | None = None, tick: int = 0, surprise: dict[str, float] | None = None
    ) -> None:
        self.tables: Tables = tables if tables is not None else {}
        self.tick = tick
        self.surprise = surprise if surprise is not None else {}  # executor/slug: running mean of residuals

    def scorer(self, category: str, executor: str, complexity: Complexity) -> Callable[[Traits], Moments]:
        """A function from a model's traits to its score's mean and variance, the task's ease left out."""
        common = self._sum(_common_terms(category, executor, complexity))
        (index_mean, index_variance), (price_mean, price_variance) = (
            self.weight("coefficient", key, prior) for key, prior in _COEFFICIENTS
        )
        weights = [
            (self.tables.get(table, {}), prior)
            for table, prior in (
                ("skill", SKILL),
                (f"hand/{executor}", HAND),
                (_fit(category, executor), FIT),
            )
        ]

        def score(traits: Traits) -> Moments:
            slug, index, price = traits
            mean = common.mean + index * index_mean + price * price_mean
            variance = common.variance + index * index * index_variance + price * price * price_variance
            for table, prior in weights:
                weight_mean, weight_variance = table.get(slug, prior)
                mean += weight_mean
                variance += weight_variance
            return mean, variance

        return score

    def update(
        self,
        *,
        category: str,
        executor: str,
        complexity: Complexity,
        traits: Traits,
        accepted: bool,
        rates: Rates,
        ease: Gaussian = EASE,
    ) -> Gaussian:
        """Learn from one verdict; returns the task's ease as it looks afterwards."""
        own_terms = _model_terms(category, executor, traits)
        terms = [*_common_terms(category, executor, complexity), *own_terms]
        total = self._sum(terms)
        score = Gaussian(total.mean + ease.mean, total.variance + ease.variance)
        if self._has_changed(f"{executor}/{traits.slug}", _residual(score, accepted, rates)):
            self._doubt(own_terms)
        slope, curve = _derivatives(score, accepted, rates)
        for term in terms:
            now = self.weight(term.table, term.key, term.prior)
            self.tables.setdefault(term.table, {})[term.key] = _step(now, term.x, slope, curve)
        return _step(ease, 1.0, slope, curve)

    def ease_after(self, score: Moments, accepted: bool, rates: Rates, ease: Gaussian) -> Gaussian:
        """The task's ease after a verdict on a model of this `score`, without learning anything else."""
        total = Gaussian(score[0] + ease.mean, score[1] + ease.variance)
        return _step(ease, 1.0, *_derivatives(total, accepted, rates))

    def begin_task(self) -> None:
        """Count a task; now and then let all weights slide a little towards their priors."""
        self.tick += 1
        if self.tick % FORGET_EVERY == 0:
            for name, table in self.tables.items():
                for key, weight in table.items():
                    table[key] = _faded(weight, _prior(name, key))

    def weight(self, table: str, key: str, prior: Gaussian) -> Gaussian:
        """A weight as it stands, its prior where nothing is known."""
        return self.tables.get(table, {}).get(key, prior)

    def _has_changed(self, who: str, residual: float) -> bool:
        """True where a model's verdicts have lain on one side of what was predicted for too long."""
        mean = SURPRISE_KEPT * self.surprise.get(who, 0.0) + (1.0 - SURPRISE_KEPT) * residual
        changed = abs(mean) > SURPRISE_LIMIT
        self.surprise[who] = 0.0 if changed else mean
        return changed

    def _doubt(self, terms: Iterable[Term]) -> None:
        """Keep what was learned of a model as a guess, and believe new verdicts sooner."""
        for term in terms:
            weight = self.tables.get(term.table, {}).get(term.key)
            if weight is not None and term.table != "coefficient":
                variance = weight.variance + 0.5 * (term.prior.variance - weight.variance)
                self.tables[term.table][term.key] = Gaussian(weight.mean, variance)

    def _sum(self, terms: Iterable[Term]) -> Gaussian:
        mean = variance = 0.0
        for term in terms:
            now = self.weight(term.table, term.key, term.prior)
            mean += term.x * now.mean
            variance += term.x * term.x * now.variance
        return Gaussian(mean, variance)


def phi(x: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * math.erfc(-x * _ROOT_HALF)


# ------------------------------------------------------------------------------------------------------

_ROOT_HALF = math.sqrt(0.5)
_ROOT_2PI = math.sqrt(2.0 * math.pi)
_COEFFICIENTS = (("index", INDEX), ("price", PRICE))
_LEAST = 1e-9
_KEPT = math.exp(-FORGET_PER_TASK * FORGET_EVERY)


def _common_terms(category: str, executor: str, complexity: Complexity) -> list[Term]:
    terms = [
        Term("coefficient", "bias", 1.0, BIAS),
        Term("category", f"{category}/{executor}", 1.0, EXECUTOR.get(executor, CATEGORY)),
    ]
    prior = COMPLEXITY.get(complexity)
    return terms if prior is None else [*terms, Term("complexity", complexity, 1.0, prior)]


def _model_terms(category: str, executor: str, traits: Traits) -> list[Term]:
    return [
        Term("coefficient", "index", traits.coding, INDEX),
        Term("coefficient", "price", traits.price, PRICE),
        Term("skill", traits.slug, 1.0, SKILL),
        Term(f"hand/{executor}", traits.slug, 1.0, HAND),
        Term(_fit(category, executor), traits.slug, 1.0, FIT),
    ]


def _fit(category: str, executor: str) -> str:
    return f"fit/{category}/{executor}"


def _prior(table: str, key: str) -> Gaussian:
    kind, _, _ = table.partition("/")
    match kind:
        case "coefficient":
            return {"bias": BIAS, "index": INDEX, "price": PRICE}[key]
        case "category":
            return EXECUTOR.get(key.rpartition("/")[2], CATEGORY)
        case "complexity":
            return COMPLEXITY[Complexity(key)]
    return {"skill": SKILL, "hand": HAND, "fit": FIT}[kind]


def _faded(weight: Gaussian, prior: Gaussian) -> Gaussian:
    own, given = _KEPT / weight.variance, (1.0 - _KEPT) / prior.variance
    precision = own + given
    return Gaussian((own * weight.mean + given * prior.mean) / precision, 1.0 / precision)


def _derivatives(score: Gaussian, accepted: bool, rates: Rates) -> tuple[float, float]:
    """First and second derivative, by the score's mean, of the log probability of what the verdict said."""
    spread = math.sqrt(1.0 + score.variance)
    t = score.mean / spread
    sharpness = 1.0 - rates.false_accept - rates.false_reject
    said = rates.accepts(phi(t))
    density = sharpness * math.exp(-0.5 * t * t) / (_ROOT_2PI * spread)
    slope = density / max(said, _LEAST) if accepted else -density / max(1.0 - said, _LEAST)
    return slope, -slope * (t / spread + slope)


def _residual(score: Gaussian, accepted: bool, rates: Rates) -> float:
    """How far the verdict lies from what was predicted, in standard deviations, within two."""
    said = rates.accepts(phi(score.mean / math.sqrt(1.0 + score.variance)))
    return max(-2.0, min(2.0, (accepted - said) / math.sqrt(max(said * (1.0 - said), _LEAST))))


def _step(belief: Gaussian, x: float, slope: float, curve: float) -> Gaussian:
    """Moment-matched belief after an observation; what a noisy verdict says may widen it, within bounds."""
    variance = belief.variance * (1.0 + belief.variance * x * x * curve)
    variance = min(max(variance, 0.05 * belief.variance), 1.5 * belief.variance)
    return Gaussian(belief.mean + belief.variance * x * slope, variance)
