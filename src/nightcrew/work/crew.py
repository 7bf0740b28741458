"""The crew: all components, assembled once for each flow run."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from nightcrew.crew.storage.database import ensure_database
from nightcrew.execution.checkout.admission import admit
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.execution_engine import ExecutionEngine, Executor
from nightcrew.execution.executors.direct import DirectExecutor
from nightcrew.execution.sandbox import settled_sandbox
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.openhands.adapter import OpenHandsAdapter
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.availability import catalogue_of
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.queue.reviews import Reviews
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.settings import Settings
from nightcrew.task import ExecutorName
from nightcrew.validation.result_validator import ResultValidator


@dataclass(frozen=True, slots=True)
class Crew:
    """The components that a flow run works with."""

    settings: Settings
    store: StateStore
    queue: TaskQueue
    reviews: Reviews
    api: OpenRouterApi
    catalogue: ModelCatalogue
    selector: ModelSelector
    engine: ExecutionEngine
    validator: ResultValidator
    collector: MetricsCollector


@contextmanager
def open_crew(settings: Settings) -> Iterator[Crew]:
    """Open the crew for these settings; closes what it opened.

    Raises:
        SandboxUnavailable: untrusted code cannot be confined on this machine.
        BadInput: a setting is invalid.
        Transient: the database cannot be reached.
    """
    with ExitStack() as stack:
        store = stack.enter_context(StateStore(ensure_database(settings)))
        create_schema(store)
        api = OpenRouterApi(*settings.account)
        stack.callback(api.close)
        sandbox = settled_sandbox(settings)
        executors: dict[ExecutorName, Executor] = {
            ExecutorName.DIRECT: DirectExecutor(),
            ExecutorName.OPENHANDS: OpenHandsAdapter(settings),
        }
        owner = f"{socket.gethostname()}-{os.getpid()}"
        yield Crew(
            settings=settings,
            store=store,
            queue=TaskQueue(
                store,
                settings.max_unfinished_tasks,
                admit=partial(admit, credentials=Credentials(settings.credentials_dir)),
            ),
            reviews=Reviews(store),
            api=api,
            catalogue=catalogue_of(settings, store, api),
            selector=ModelSelector(),
            engine=ExecutionEngine(settings, sandbox, executors),
            validator=ResultValidator(settings, sandbox),
            collector=stack.enter_context(MetricsCollector(settings.ledger_dir, owner)),
        )
