"""`nightcrew doctor`: checks the requirements of a crew and says how to meet those that are missing."""

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.checks import Level, all_checks
from nightcrew.cli.output import console, print_json, print_table, styled
from nightcrew.settings import load_settings

WORDS = {Level.OK: "pass", Level.NOTE: "running", Level.PROBLEM: "fail"}


@app.command("doctor")
def doctor(as_json: AsJson = False) -> int:
    """Check everything a crew needs. The sandbox is tested with real attacks."""
    checks = list(all_checks(load_settings()))
    if as_json:
        print_json(checks)
    else:
        rows = [
            (check.name, styled(WORDS[check.level], check.level.value), check.finding) for check in checks
        ]
        print_table("", ("check", "", "finding"), rows)
        for check in checks:
            if check.advice:
                console.print(f"{check.name}: {check.advice}")
    return ExitCode.INFRASTRUCTURE if any(check.level is Level.PROBLEM for check in checks) else ExitCode.DONE
