"""How `--wait` waits: until tasks have ended, without a crew's help and without ending them itself."""

import time
from collections.abc import Callable, Sequence

from nightcrew.cli.app import Goodbye
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import SETTLED

POLL_SECONDS = 1.0


def wait_for(
    settings: Settings,
    read: Callable[[], Sequence[QueuedTask]],
    *,
    progress: Callable[[int], None] = lambda ended: None,
    interrupted: str,
) -> Sequence[QueuedTask]:
    """The tasks that `read` finds, once each of them has ended or waits for a person.

    `progress` is called with the number of them that are so far, about every second.

    Raises:
        Goodbye: the user has interrupted it; its text is `interrupted`.
    """
    tasks = read()
    try:
        while (ended := sum(one.status in SETTLED for one in tasks)) < len(tasks):
            progress(ended)
            time.sleep(POLL_SECONDS)
            reconcile(settings)
            tasks = read()
    except KeyboardInterrupt:
        raise Goodbye(interrupted) from None
    return tasks
