"""An oracle that knows every skill and cost, and simpler policies, on the same random draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

from benchmarks.regret.world import CYCLE, KINDS, POOL, Tokens, World, usd
from nightcrew.task import TaskType

MOST_ATTEMPTS = 3

type Ladder = tuple[str, ...]
type Policy = Mapping[TaskType, Ladder]
type Sizes = Mapping[tuple[TaskType, bool], Tokens]  # of good and of bad work of a kind, as measured


@dataclass(frozen=True, slots=True)
class Expected:
    """The average result of a ladder, or of a policy over the mix of kinds, per task."""

    solved: float
    cost_usd: float

    @property
    def usd_per_accepted(self) -> float:
        """Spend per accepted change."""
        return self.cost_usd / self.solved


@dataclass(frozen=True, slots=True)
class Done:
    """The result of one task."""

    solved: bool
    cost_usd: float


def always(model: str) -> Policy:
    """The same model for everything, once."""
    return dict.fromkeys(KINDS, (model,))


def best_model(world: World) -> str:
    """The model with the highest success probability over the mix of kinds."""
    return max(POOL, key=lambda model: sum(world.skill(model, kind) for kind in CYCLE))


def cheapest_model() -> str:
    """The model with the lowest price."""
    return min(POOL, key=lambda model: POOL[model][0])


def oracle(world: World, sizes: Sizes) -> Policy:
    """For each kind, of all ladders of at most three models that solve as large a share of it as always-best
    does, the one that spends the least per accepted change: found by looking at every ladder."""
    best = best_model(world)
    return {kind: _cheapest_as_good(world.skill(best, kind), kind, world, sizes) for kind in KINDS}


def expected(policy: Policy, world: World, sizes: Sizes) -> Expected:
    """The policy's solved share and cost of a task, exactly."""
    each = [_expected(policy[kind], kind, world, sizes) for kind in CYCLE]
    return Expected(
        sum(one.solved for one in each) / len(each), sum(one.cost_usd for one in each) / len(each)
    )


def played(policy: Policy, world: World, sizes: Sizes, kind: TaskType, number: int) -> Done:
    """The policy's result on task `number`, with the twin's random draws."""
    spent = 0.0
    for model in policy[kind]:
        right = world.is_right(model, kind, number)
        spent += usd(model, sizes[kind, right])
        if right:
            return Done(True, spent)
    return Done(False, spent)


# ----------------------------------------------------------------------------------------------------


def _expected(ladder: Ladder, kind: TaskType, world: World, sizes: Sizes) -> Expected:
    reached, spent = 1.0, 0.0
    for model in ladder:
        skill = world.skill(model, kind)
        good, bad = usd(model, sizes[kind, True]), usd(model, sizes[kind, False])
        spent += reached * (skill * good + (1.0 - skill) * bad)
        reached *= 1.0 - skill
    return Expected(1.0 - reached, spent)


def _cheapest_as_good(share: float, kind: TaskType, world: World, sizes: Sizes) -> Ladder:
    ladders = [ladder for length in range(1, MOST_ATTEMPTS + 1) for ladder in permutations(POOL, length)]
    known = {ladder: _expected(ladder, kind, world, sizes) for ladder in ladders}
    good = [ladder for ladder, does in known.items() if does.solved >= share - 1e-9]
    return min(good, key=lambda ladder: known[ladder].usd_per_accepted)
