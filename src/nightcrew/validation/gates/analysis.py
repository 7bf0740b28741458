"""Analysis: the report follows its form, and every finding quotes the line that it points to; a person
decides whether the finding is true."""

import re
from collections import Counter
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from nightcrew.settings import first_problem
from nightcrew.target_config import ReadingPolicy
from nightcrew.task import TaskType
from nightcrew.validation.gate import Gate, answered, counted, failed, passed
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import Finding as Asked
from nightcrew.validation.verdict import GateResult, Severity

NAME = "analysis"
_WORD = re.compile(r"[a-z]+")
_BLOCK = re.compile(r"^```json[ \t\r]*+\n((?:(?!```).*\n)*+)```[ \t\r]*+$", re.MULTILINE)
FORM = (
    'Write JSON (a .json file, or one ```json block in Markdown): {"findings": [{"file": "src/a.py", '
    '"line": 12, "quote": "text of that line", "message": "what is wrong"}]}.'
)
"""What `execution.briefing` asks of the model."""
MOST_ALIKE = 0.5
FEW = 3


class Finding(BaseModel):
    """One finding and its place. The keys `path` and `finding`, which linters use, are accepted too."""

    model_config = ConfigDict(extra="allow")

    file: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("file", "path"))]
    line: Annotated[int, Field(ge=1)]
    quote: Annotated[str, Field(min_length=3)]
    message: Annotated[str, Field(min_length=10, validation_alias=AliasChoices("message", "finding"))]


class Report(BaseModel):
    """The report that an analysis submits."""

    model_config = ConfigDict(extra="allow")

    findings: Annotated[list[Finding], Field(min_length=1)]


class Analysis(Gate):
    """Checks that every claim of a report can be looked up."""

    name = NAME
    types = (TaskType.ANALYSIS,)

    def run(self, room: CleanRoom) -> GateResult:
        """Checks the form first, then every quotation."""
        reports = [
            one for one in room.changes if one.after is not None and one.path.endswith((".json", ".md"))
        ]
        if len(reports) != 1:
            return failed(NAME, "The change is not one report.", f"Submit exactly one report. {FORM}")
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
        empty = _says_nothing(report.findings)
        if empty:
            return failed(NAME, empty, "Say of each line what is wrong with it, and why; report it once.")
        about = room.task.target_file
        if (
            about is not None
            and about != reports[0].path
            and not any(one.file == about for one in report.findings)
        ):
            return failed(NAME, f"No finding is about {about}.", f"Analyse {about}.")
        if room.config.analysis is ReadingPolicy.PERSON:
            return answered(
                NAME,
                [Asked(one.message, one.file, one.line, severity=Severity.PERSON) for one in report.findings],
                opening="Each finding quotes what stands there; whether it is true, no check can tell",
                question='Are they true? (`analysis = "accept"` in nightcrew.toml takes them unread.)',
            )
        found = counted(len(report.findings), "finding")
        return passed(
            NAME,
            f"{found}, each quoting what stands where it points; nobody has read whether they are true.",
            strength=0.9,
            findings=len(report.findings),
        )


def _says_nothing(findings: list[Finding]) -> str:
    """Why correctly quoted findings are no analysis; empty where they are one."""
    # The form alone is met by one finding copied many times, or by repeating the line.
    places = {(one.file, one.line, one.message) for one in findings}
    if len(places) < len(findings):
        return "The same finding is reported more than once."
    for one in findings:
        if set(_WORD.findall(one.message.lower())) <= set(_WORD.findall(one.quote.lower())):
            return f"The finding at {one.file}, line {one.line} repeats the line and says nothing about it."
    # One remark may fit two lines; the same remark on most lines is a pattern, not an analysis.
    alike = Counter(" ".join(_WORD.findall(one.message.lower())) for one in findings).most_common(1)[0][1]
    if alike >= FEW and alike > MOST_ALIKE * len(findings):
        return f"{alike} of {len(findings)} findings say the same words about different lines."
    return ""


def _json(text: str) -> str:
    block = _BLOCK.search(text)
    return block[1] if block else text


def _misquoted(room: CleanRoom, finding: Finding) -> str:
    # The path comes from the model and is opened in the base tree.
    if ".." in finding.file or finding.file.startswith("/"):
        return f"{finding.file} is not a path in the repository"
    text = room.source(finding.file, base=True)
    if text is None:
        return f"{finding.file} does not exist"
    lines = text.split("\n")
    if finding.line > len(lines):
        return f"{finding.file} has no line {finding.line}"
    # Models reproduce words faithfully and indentation seldom.
    quoted = [" ".join(line.split()) for line in finding.quote.strip().split("\n")]
    there = [" ".join(line.split()) for line in lines[finding.line - 1 : finding.line - 1 + len(quoted)]]
    if any(not want or want not in have for want, have in zip(quoted, there, strict=False)) or len(
        there
    ) < len(quoted):
        return f"{finding.file}, line {finding.line} does not say {quoted[0][:60]!r}"
    return ""
