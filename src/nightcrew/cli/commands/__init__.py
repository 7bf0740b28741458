"""The commands: each with the module of this package that registers it, and the first line of its help.

The modules are imported by `nightcrew.cli.command_group` when their command is asked for.
"""

from typing import NamedTuple


class Command(NamedTuple):
    """The module that registers a command, and what the command does in one sentence."""

    module: str
    help: str


COMMANDS = {
    "set-account": Command("access", "Store an API key for the crew."),
    "ui": Command("access", "Print the Prefect UI's address or password."),
    "dashboard": Command("access", "Print the dashboard's address."),
    "apply": Command("apply", "Take over accepted changes."),
    "backup": Command("backup", "Write tasks, ledger and results to one file."),
    "restore": Command("backup", "Restore a backup into an empty home."),
    "demo": Command("demo", "Run a demo without a key."),
    "do": Command("do", "Do one task in the foreground."),
    "doctor": Command("doctor", "Check everything a crew needs."),
    "run-engine": Command("engine", "Start the crew."),
    "stop-engine": Command("engine", "Stop a crew that was left running."),
    "resume": Command("engine", "Resume a stopped crew."),
    "logs": Command("engine", "Print and follow what the crew's processes log."),
    "service": Command("service", "Install or remove the crew as a service."),
    "init": Command("initialise", "Write nightcrew.toml for a target repository."),
    "metrics": Command("metrics", "Print cost and quality by model and task type."),
    "export": Command("metrics", "Write the ledger's views to files."),
    "select-model": Command("models", "Print which models a task would try, and why."),
    "models": Command("models", "List usable models and remaining free calls."),
    "refresh-models": Command("models", "Fetch the list of models and prices."),
    "replay": Command("replay", "Compare the selector with other policies."),
    "review": Command("review", "List, show or answer open questions."),
    "submit-task": Command("submit", "Submit a task."),
    "schedule": Command("submit", "Submit a task at set times."),
    "submit-batch": Command("batch", "Submit the tasks of a file."),
    "batch": Command("batch", "Print the tasks of a batch, what they cost and what came of them."),
    "get-status": Command("tasks", "Print the status of one task."),
    "list-tasks": Command("tasks", "List tasks, the latest first."),
    "show-task": Command("tasks", "Print all about one task."),
    "cancel-task": Command("tasks", "Cancel a task and end its processes."),
    "queue-stats": Command("tasks", "Count tasks by priority and status."),
    "twin": Command("twin", "Serve the twin of OpenRouter, or of GitHub, until Ctrl-C."),
    "verify": Command("verify", "Judge a change."),
    "verify-staged": Command("verify_staged", "Look at what is staged."),
}
