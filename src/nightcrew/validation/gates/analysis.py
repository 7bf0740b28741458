"""Analysis: the report follows its form, and every finding quotes what stands where it points."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightcrew.settings import first_problem
from nightcrew.task import Task, TaskCategory
from nightcrew.validation.clean_room import CleanRoom
from nightcrew.validation.gate import failed, passed
from nightcrew.validation.verdict import GateResult

NAME = "analysis"
_BLOCK = re.compile(r"^```json\s*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
FORM = (
    'Write JSON (a .json file, or one ```json block in Markdown): {"summary": "...", '
    '"findings": [{"path": "src/a.py", '
    '"line": 12, "quote": "text of that line", "finding": "what is wrong", "severity": "low|medium|high"}]}.'
)


class Finding(BaseModel):
    """One thing found, and where."""

    model_config = ConfigDict(extra="allow")

    path: Annotated[str, Field(min_length=1)]
    line: Annotated[int, Field(ge=1)]
    quote: Annotated[str, Field(min_length=3)]
    finding: Annotated[str, Field(min_length=10)]
    severity: Literal["low", "medium", "high"] = "medium"


class Report(BaseModel):
    """What an analysis hands in."""

    model_config = ConfigDict(extra="allow")

    summary: Annotated[str, Field(min_length=20)]
    findings: Annotated[list[Finding], Field(min_length=1)]


class Analysis:
    """A report whose every claim can be looked up."""

    name = NAME

    def applies(self, task: Task) -> bool:
        """For analysis tasks."""
        return task.task_type is TaskCategory.ANALYSIS

    def run(self, room: CleanRoom) -> GateResult:
        """Form first, then every quotation."""
        reports = [
            one for one in room.changes if one.after is not None and one.path.endswith((".json", ".md"))
        ]
        if len(reports) != 1:
            return failed(NAME, "The change is not one report.", f"Hand in exactly one report. {FORM}")
        try:
            report = Report.model_validate_json(_json(reports[0].after or ""))
        except ValidationError as error:
            return failed(NAME, f"{reports[0].path} does not follow the form: {first_problem(error)}.", FORM)
        wrong = [problem for finding in report.findings if (problem := _misquoted(room, finding))]
        if wrong:
            return failed(
                NAME,
                f"{len(wrong)} of {len(report.findings)} findings do not fit the code: {wrong[0]}.",
                "Point at lines that exist, and quote what stands there.",
                strength=1 - len(wrong) / len(report.findings),
                evidence={"wrong": wrong[:20]},
            )
        places = {(finding.path, finding.line, finding.finding) for finding in report.findings}
        if len(places) < len(report.findings):
            return failed(NAME, "The same finding is reported more than once.", "Report each finding once.")
        about = room.task.target_file
        if (
            about is not None
            and about != reports[0].path
            and not any(one.path == about for one in report.findings)
        ):
            return failed(NAME, f"No finding is about {about}.", f"Analyse {about}.")
        message = f"{len(report.findings)} findings, each quotes what stands where it points."
        return passed(NAME, message, strength=0.9, findings=len(report.findings))


def _json(text: str) -> str:
    block = _BLOCK.search(text)
    return block[1] if block else text


def _misquoted(room: CleanRoom, finding: Finding) -> str:
    if ".." in finding.path or finding.path.startswith("/"):
        return f"{finding.path} is not a path in the repository"
    text = room.source(finding.path, base=True)
    if text is None:
        return f"{finding.path} does not exist"
    lines = text.split("\n")
    if finding.line > len(lines):
        return f"{finding.path} has no line {finding.line}"
    quoted = [" ".join(line.split()) for line in finding.quote.strip().split("\n")]
    there = [" ".join(line.split()) for line in lines[finding.line - 1 : finding.line - 1 + len(quoted)]]
    if any(not want or want not in have for want, have in zip(quoted, there, strict=False)) or len(
        there
    ) < len(quoted):
        return f"{finding.path}, line {finding.line} does not say {quoted[0][:60]!r}"
    return ""
