"""How likely a verdict is to accept a model's work: a probit model, updated in closed form by each verdict.

    score = coefficients + task_type + skill + hand + fit + repair + ease(task)        P(right) = Phi(score)

*skill* belongs to a model, *hand* to a model with one executor, *fit* to both for one task type; *ease* is
shared by all attempts at one task and discarded after it, so that one failure makes every other model look
worse at the same task. *repair* counts once for each rejection of the same model's work on the task: the
model now has the verdict's reasons, but also what made it fail. Its prior is what LiveCodeBench's self-repair
shows: 127 of 1,312 wrong answers of five models were right after the report of the tests. The rest is learned
by executor. Another sample without reasons is no arm of the plan: in the one table with second samples
(terminal-bench, eight agents), 37 of 365 were right after a failure, about as many as with reasons.
Each weight is a Gaussian; an update is assumed-density filtering (AdPredictor, TrueSkill). An untried model
starts from its coding index and price, whose coefficients are learned too. Weights move back to their prior,
slowly with time and fast when a model surprises.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from nightcrew.selection.beliefs import Gaussian, Moments, Rates, derivatives, faded, moved, residual
from nightcrew.selection.candidates import Traits
from nightcrew.task import Complexity, ExecutorName


class Term(NamedTuple):
    """One summand of a score: table and key of its weight, its input, and the weight's prior."""

    table: str
    key: str
    x: float
    prior: Gaussian


type Tables = dict[str, dict[str, Gaussian]]

EASE = Gaussian(0.0, 2.0)
FORGET_PER_TASK = 0.001
FORGET_EVERY = 100  # tasks
SURPRISE_KEPT = 0.9  # decay of a mean of residuals, whose deviation is 0.23 for a constant model
SURPRISE_LIMIT = 0.75
BIAS = Gaussian(0.5, 0.5)
INDEX = Gaussian(0.35, 0.05)
PRICE = Gaussian(0.2, 0.05)
CATEGORY = Gaussian(0.0, 0.3)
SKILL = Gaussian(0.0, 0.35)
HAND = Gaussian(0.0, 0.15)
FIT = Gaussian(0.0, 0.25)
REPAIR = Gaussian(-0.9, 0.3)
EXECUTOR: dict[str, Gaussian] = {ExecutorName.DIRECT: Gaussian(-0.4, 0.3)}
COMPLEXITY = {
    Complexity.SIMPLE: Gaussian(0.4, 0.05),
    Complexity.COMPLEX: Gaussian(-0.4, 0.05),
}


class SuccessModel:
    """Weights, with closed-form prediction and update. Independent of files and costs."""

    def __init__(
        self, tables: Tables | None = None, tick: int = 0, surprise: dict[str, float] | None = None
    ) -> None:
        self.tables: Tables = tables if tables is not None else {}
        self.tick = tick
        self.surprise = surprise if surprise is not None else {}  # executor/slug: running mean of residuals
        self.inputs: dict[str, tuple[float, float]] = {}  # slug: its traits (coding, price) as last seen

    def scores(
        self, task_type: str, executor: str, complexity: Complexity, models: Iterable[Traits]
    ) -> list[Moments]:
        """The mean and variance of each model's score, without the task's ease."""
        common_mean, common_variance = self._sum(_common_terms(task_type, executor, complexity))
        index_mean, index_variance = self.weight("coefficient", "index", INDEX)
        price_mean, price_variance = self.weight("coefficient", "price", PRICE)
        skill, hand, fit = (
            self.tables.get(table, {}) for table in ("skill", f"hand/{executor}", _fit(task_type, executor))
        )
        found = []
        for slug, index, price in models:
            skill_mean, skill_variance = skill.get(slug, SKILL)
            hand_mean, hand_variance = hand.get(slug, HAND)
            fit_mean, fit_variance = fit.get(slug, FIT)
            mean = common_mean + index * index_mean + price * price_mean
            variance = common_variance + index * index * index_variance + price * price * price_variance
            found.append(
                (
                    mean + skill_mean + hand_mean + fit_mean,
                    variance + skill_variance + hand_variance + fit_variance,
                )
            )
        return found

    def score(self, task_type: str, executor: str, complexity: Complexity, model: Traits) -> Moments:
        """The mean and variance of one model's score, without the task's ease."""
        return self.scores(task_type, executor, complexity, [model])[0]

    def score_again(self, score: Moments, executor: str, rejections: int) -> Moments:
        """The score of another try after so many rejections of the same model's work on the same task."""
        mean, variance = self.weight("repair", executor, REPAIR)
        return score[0] + rejections * mean, score[1] + rejections * rejections * variance

    def traits_of(self, slug: str) -> Traits:
        """A model's traits when it was last judged."""
        return Traits(slug, *self.inputs.get(slug, ()))

    def update(
        self,
        *,
        task_type: str,
        executor: str,
        complexity: Complexity,
        traits: Traits,
        accepted: bool,
        rates: Rates,
        ease: Gaussian = EASE,
        rejections: int = 0,
    ) -> Gaussian:
        """Learn from one verdict; returns the task's updated ease.

        `rejections` is how often the same model's work on the task was rejected before.
        """
        self.inputs[traits.slug] = traits.coding, traits.price
        own_terms = _model_terms(task_type, executor, traits)
        terms = [*_common_terms(task_type, executor, complexity), *own_terms]
        if rejections:
            terms.append(Term("repair", executor, float(rejections), REPAIR))
        total = self._sum(terms)
        score = Gaussian(total.mean + ease.mean, total.variance + ease.variance)
        if self._has_changed(f"{executor}/{traits.slug}", residual(score, accepted, rates)):
            self._doubt(own_terms)
        slope, curve = derivatives(score, accepted, rates)
        for term in terms:
            now = self.weight(term.table, term.key, term.prior)
            self.tables.setdefault(term.table, {})[term.key] = moved(now, term.x, slope, curve)
        return moved(ease, 1.0, slope, curve)

    def ease_after(self, score: Moments, accepted: bool, rates: Rates, ease: Gaussian) -> Gaussian:
        """The task's ease after a verdict on a model of this `score`; learns nothing else."""
        total = Gaussian(score[0] + ease.mean, score[1] + ease.variance)
        return moved(ease, 1.0, *derivatives(total, accepted, rates))

    def begin_task(self) -> None:
        """Count a task; every `FORGET_EVERY` tasks, move all weights a little towards their priors."""
        self.tick += 1
        if self.tick % FORGET_EVERY == 0:
            for name, table in self.tables.items():
                for key, weight in table.items():
                    table[key] = faded(weight, _prior(name, key), _KEPT)

    def weight(self, table: str, key: str, prior: Gaussian) -> Gaussian:
        """The current belief about a weight; its prior if there is none."""
        return self.tables.get(table, {}).get(key, prior)

    def _has_changed(self, who: str, deviation: float) -> bool:
        """True if a model's verdicts have deviated from the predictions in one direction for too long."""
        mean = SURPRISE_KEPT * self.surprise.get(who, 0.0) + (1.0 - SURPRISE_KEPT) * deviation
        changed = abs(mean) > SURPRISE_LIMIT
        self.surprise[who] = 0.0 if changed else mean
        return changed

    def _doubt(self, terms: Iterable[Term]) -> None:
        """Widen the beliefs about a model, so that new verdicts count more."""
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


# ------------------------------------------------------------------------------------------------------

_KEPT = math.exp(-FORGET_PER_TASK * FORGET_EVERY)


def _common_terms(task_type: str, executor: str, complexity: Complexity) -> list[Term]:
    terms = [
        Term("coefficient", "bias", 1.0, BIAS),
        Term("category", f"{task_type}/{executor}", 1.0, EXECUTOR.get(executor, CATEGORY)),
    ]
    prior = COMPLEXITY.get(complexity)
    return terms if prior is None else [*terms, Term("complexity", complexity, 1.0, prior)]


def _model_terms(task_type: str, executor: str, traits: Traits) -> list[Term]:
    return [
        Term("coefficient", "index", traits.coding, INDEX),
        Term("coefficient", "price", traits.price, PRICE),
        Term("skill", traits.slug, 1.0, SKILL),
        Term(f"hand/{executor}", traits.slug, 1.0, HAND),
        Term(_fit(task_type, executor), traits.slug, 1.0, FIT),
    ]


def _fit(task_type: str, executor: str) -> str:
    return f"fit/{task_type}/{executor}"


def _prior(table: str, key: str) -> Gaussian:
    kind, _, _ = table.partition("/")
    match kind:
        case "coefficient":
            return {"bias": BIAS, "index": INDEX, "price": PRICE}[key]
        case "category":  # the table's name in memory files
            return EXECUTOR.get(key.rpartition("/")[2], CATEGORY)
        case "complexity":
            return COMPLEXITY[Complexity(key)]
    return {"skill": SKILL, "hand": HAND, "fit": FIT, "repair": REPAIR}[kind]
