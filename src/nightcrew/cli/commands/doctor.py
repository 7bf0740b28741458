"""`nightcrew doctor`: is everything here that a crew needs, and what to do where it is not."""

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.checks import Level, all_checks
from nightcrew.cli.output import console, print_json, print_table, styled
from nightcrew.settings import load_settings

WORDS = {Level.OK: "pass", Level.NOTE: "running", Level.PROBLEM: "fail"}


@app.command("doctor")
def doctor(as_json: AsJson = False) -> int:
    """Check all that a crew needs; the sandbox is attacked to prove that it holds."""
    found = list(all_checks(load_settings()))
    if as_json:
        print_json(found)
    else:
        rows = [(check.name, styled(WORDS[check.level], check.level.value), check.finding) for check in found]
        print_table("", ("check", "", "finding"), rows)
        for check in found:
            if check.advice:
                console.print(f"{check.name}: {check.advice}", markup=False)
    return ExitCode.INFRASTRUCTURE if any(check.level is Level.PROBLEM for check in found) else ExitCode.DONE
