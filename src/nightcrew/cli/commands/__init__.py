"""The commands: each with the module of this package that registers it, and the first line of its help.

The modules are imported by `nightcrew.cli.command_group` when their command is asked for. Their folders are
what people do with them, and the sections of the help page.
"""

from typing import NamedTuple


class Command(NamedTuple):
    """The module that registers a command, and what the command does in one sentence."""

    module: str
    help: str

    @property
    def section(self) -> str:
        """The section of the help page: a key of `SECTIONS`."""
        return self.module.partition(".")[0]


SECTIONS = {
    "start": "To begin",
    "tasks": "Tasks",
    "changes": "Changes",
    "crew": "The crew",
    "models": "Models and figures",
}

COMMANDS = {
    "demo": Command("start.demo", "Run a demo without a key."),
    "doctor": Command("start.doctor", "Check everything a crew needs."),
    "set-account": Command("start.account", "Store an API key for the crew."),
    "init": Command("start.initialise", "Write nightcrew.toml for a target repository."),
    "twin": Command("start.twin", "Serve the twin of OpenRouter, or of GitHub, until Ctrl-C."),
    "submit-task": Command("tasks.submit", "Submit a task."),
    "submit-batch": Command("tasks.batch", "Submit the tasks of a file."),
    "schedule": Command("tasks.schedule", "Submit a task at set times, or sweep a repository."),
    "sweep": Command(
        "tasks.sweep", "Measure which modules have the least proof, and submit tasks about them."
    ),
    "watch": Command("tasks.watch", "Let issues on GitHub become tasks."),
    "do": Command("tasks.do", "Do one task in the foreground."),
    "get-status": Command("tasks.status", "Print the status of one task."),
    "list-tasks": Command("tasks.status", "List tasks, the latest first."),
    "show-task": Command("tasks.status", "Print all about one task."),
    "trace": Command("tasks.trace", "Print a task's trace as a tree."),
    "batch": Command("tasks.batch", "Print the tasks of a batch, what they cost and what came of them."),
    "cancel-task": Command("tasks.status", "Cancel a task and end its processes."),
    "queue-stats": Command("tasks.status", "Count tasks by priority and status."),
    "digest": Command("tasks.digest", "Print what was done, what people made of it, and what waits for you."),
    "review": Command("tasks.review", "List, show or answer open questions."),
    "apply": Command("changes.apply", "Take over accepted changes."),
    "verify": Command("changes.verify", "Judge a change."),
    "verify-staged": Command("changes.verify_staged", "Look at what is staged."),
    "offer-tests": Command("changes.offer_tests", "Say which of these files have no tests."),
    "run-engine": Command("crew.engine", "Start the crew."),
    "stop-engine": Command("crew.engine", "Stop a crew that was left running."),
    "worker": Command("crew.worker", "Work for a crew whose server is on another host."),
    "resume": Command("crew.engine", "Resume a stopped crew."),
    "service": Command("crew.service", "Install or remove the crew as a service."),
    "logs": Command("crew.logs", "Print and follow what the crew's processes log."),
    "ui": Command("crew.pages", "Print the Prefect UI's address or password."),
    "dashboard": Command("crew.pages", "Print the dashboard's address."),
    "audit": Command("crew.audit", "List who asked for what and what was done."),
    "backup": Command("crew.backup", "Write tasks, ledger and results to one file."),
    "restore": Command("crew.backup", "Restore a backup into an empty home."),
    "models": Command("models.catalogue", "List usable models and remaining free calls."),
    "refresh-models": Command("models.catalogue", "Fetch the list of models and prices."),
    "select-model": Command("models.catalogue", "Print which models a task would try, and why."),
    "replay": Command("models.replay", "Compare the selector with other policies."),
    "metrics": Command("models.metrics", "Print cost and quality by model and task type."),
    "export": Command("models.metrics", "Write the ledger's views to files."),
}
