"""The two executors side by side: calls, tokens, cost and time for each accepted change.

    python -m benchmarks.executors [--rounds N] [--home FOLDER]

The same tasks on the example project, with the same scripted models and the same random draws, once with
`direct` and once with `openhands`, through the same gateway, sandbox, verdict and ledger; all figures come
from the ledger. Half of the attempts are by a model that is often wrong; its cost is part of the cost per
accepted change. The scripted models take the shortest way through the agent's tools (four to eight calls);
real ones take thirty to ninety, so the agent loop's calls and tokens are the least it can take, not the
usual.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.local_crew import rooms
from benchmarks.support import table, verdict
from nightcrew.cli.demo.parts import make_repository
from nightcrew.ledger.ledger import Ledger
from nightcrew.settings import Settings
from nightcrew.task import ExecutorName, Task, TaskType
from nightcrew.testing.scenario import Character, Price, Scenario, ScriptedModel, shipped_scenario
from nightcrew.testing.twin import Twin
from nightcrew.work.crew import Crew
from nightcrew.work.foreground import do_task

MODELS = {"twin/otter": 0.5, "twin/oak": 0.9}  # with their skill
PRICE = Price(prompt="0.000001", completion="0.000004")
SEED = 2  # of the models' random draws
FREE_CALLS_A_DAY = 50
TASKS = (
    (TaskType.DOCUMENTATION, "src/stockroom/reorder.py", "Document the reorder module"),
    (TaskType.BUG_FIX, "src/stockroom/inventory.py", "Issuing across two lots returns the wrong cost"),
    (TaskType.REFACTORING, "src/stockroom/parcels.py", "Turn the postage tariff into a table"),
    (TaskType.UNIT_TEST, "src/stockroom/codes.py", "Write unit tests for article codes"),
)
FIGURES = """
count(*) as attempts, count(*) filter (outcome = 'accepted') as accepted,
sum(calls)::double / nullif(accepted, 0) as "calls/accepted",
(sum(input_tokens)::double / nullif(accepted, 0))::bigint as "tokens in",
(sum(output_tokens)::double / nullif(accepted, 0))::bigint as "tokens out",
printf('%.4f', sum(cost_usd)::double / nullif(accepted, 0)) as "USD/accepted",
sum(seconds)::double / nullif(accepted, 0) as "s/accepted"
"""
WHOLE = f"select executor, {FIGURES} from attempts where task_id like $run group by all order by executor"
BY_KIND = f"""
select task_type, executor, {FIGURES} from attempts where task_id like $run
group by all order by task_type, executor"""
FIRST_PROMPT = """
select a.executor, max(c.input_tokens) filter (c.sequence = 1) as first, max(c.input_tokens) as longest
from model_calls as c join attempts as a using (attempt_id) where a.task_id like $run group by all"""
SAME_END = """
select count(*) from attempts as one join attempts as other
    on replace(one.task_id, 'direct', 'openhands') = other.task_id and one.executor <> other.executor
where one.task_id like $run and one.outcome <> other.outcome"""


def main() -> None:
    """Run, print, and report whether the claims hold."""
    options = _options()
    run = f"race-{int(time.time())}"
    scenario = _scenario()
    with Twin(scenario) as twin, rooms(options.home, twin.base_url) as crew:
        repository = options.home / "stockroom"
        if not repository.exists():
            make_repository(repository)
        for task in _tasks(run, str(repository), options.rounds):
            _print_result(crew, task)
        _show(crew.settings, f"{run}-%")


# ----------------------------------------------------------------------------------------------------


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1, help="of four tasks with two models each")
    parser.add_argument("--home", type=Path, help="where the ledger is kept; empty: a temporary folder")
    options = parser.parse_args()
    options.home = (options.home or Path(tempfile.mkdtemp(prefix="nightcrew-executors-"))).absolute()
    return options


def _scenario() -> Scenario:
    models = tuple(
        ScriptedModel(id=name, character=Character.SKILL, skill=skill, price=PRICE)
        for name, skill in MODELS.items()
    )
    return Scenario(name="executors", seed=SEED, models=models, solutions=shipped_scenario().solutions)


def _tasks(run: str, repository: str, rounds: int) -> Iterator[Task]:
    """Each task once per model and executor; equal descriptions give equal random draws."""
    for number in range(rounds):
        for model in MODELS:
            for kind, target, words in TASKS:
                for executor in ExecutorName:
                    yield Task(
                        task_id=f"{run}-{number}-{model[5:]}-{kind.replace('_', '-')}-{executor}",
                        task_type=kind,
                        target_file=target,
                        description=f"{words}, ticket {number}.",
                        repo=repository,
                        executor=executor,
                        models=(model,),
                        max_attempts=1,
                    )


def _print_result(crew: Crew, task: Task) -> None:
    work = do_task(crew, task)
    (trial,) = work.trials
    print(
        f"{task.task_type:<14} {task.executor:<10} {task.models[0]:<11} {trial.verdict.kind:<9} "
        f"{trial.attempt.calls} calls, {trial.attempt.input_tokens} tokens in",
        flush=True,
    )


def _show(settings: Settings, run: str) -> None:
    with Ledger(settings.ledger_dir) as ledger:

        def ask(sql: str) -> Sequence[Mapping[str, Any]]:
            return ledger.query(sql, {"run": run})

        whole, prompts = ask(WHOLE), ask(FIRST_PROMPT)
        (different,) = ask(SAME_END)[0].values()
        print("\nFor each accepted change, by kind of task")
        table(ask(BY_KIND))
    print("\nFor each accepted change, all kinds")
    table(whole)
    print("\nTokens of an attempt's prompts")
    table(prompts)
    direct, agent = whole
    times = agent["calls/accepted"] / direct["calls/accepted"]
    print(
        f"\nopenhands takes {times:.1f} times the calls of direct. {FREE_CALLS_A_DAY} free calls a day "
        f"are {FREE_CALLS_A_DAY / agent['calls/accepted']:.0f} accepted changes with openhands, "
        f"{FREE_CALLS_A_DAY / direct['calls/accepted']:.0f} with direct."
    )
    verdict(
        {
            "direct takes fewer calls for an accepted change": times > 1,
            f"the same work got another verdict {different // 2} times (none)": different == 0,
        }
    )


if __name__ == "__main__":
    main()
